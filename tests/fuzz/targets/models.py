"""Files of a learned model of sentiment: an operator may have got one from others."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from math import isfinite

from typing_extensions import override

from streams.sentiment import SentimentError, read_model
from streams.sentiment.model import SentimentModel
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import text

_SUM = "sha256 "
_NUMBERS = ("0", "1", "-1", "1e308", "1e-320", "nan", "inf", "-0", "99999999999999999999", "٣", "1_0", "0x1", "")


class Models(Target):
    """A file is a model whose polarities are numbers from -1 to 1, or is refused with what does not hold."""

    documented = (SentimentError,)

    @override
    def make(self, rng: random.Random) -> bytes:
        lines = (
            SentimentModel({"a": 500, "a b": -20, "!": 3}, 2.0, 1.0, {"a": -7}, ("rules r",)).text().splitlines()[:-1]
        )
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            place = rng.randrange(len(lines))
            parts = lines[place].split("\t")
            parts[rng.randrange(len(parts))] = rng.choice((*_NUMBERS, text(rng)))
            lines[place : place + rng.choice((0, 1, 1, 1))] = ["\t".join(parts)]
        body = "".join(f"{line}\n" for line in lines)
        digest = hashlib.sha256(body.encode(errors="surrogatepass")).hexdigest()
        whole = f"{body}{_SUM}{digest}\n" if rng.random() < 0.9 else body[: rng.randrange(len(body))]
        return whole.encode(errors="surrogatepass")

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        file = data.decode(errors="replace")
        yield CPU_MS
        model = read_model(file)
        for rules in (-1.0, 0.0, 1.0):
            polarity = model.polarity(rules, ["a", "a", "b"])
            assert isfinite(polarity)
            assert -1 <= polarity <= 1
        assert model.polarity(0.0, []) == 0
