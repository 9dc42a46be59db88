"""The seeds of the simulations: each is one story, and a longer run has others than the one before it."""

from __future__ import annotations

import os

FIRST_SEED = int(os.environ.get("FIRST_SEED", "0"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("SEEDS", "40")))
