"""A simulated online shop and its customers: a stream of touchpoints, and what it truly holds."""

from touchline.simulate.stream import simulate, write_simulation

__all__ = ["simulate", "write_simulation"]
