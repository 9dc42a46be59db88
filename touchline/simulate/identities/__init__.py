"""People who come as several identities, and who they truly are: input and truth for who is who."""

from touchline.simulate.identities.stream import write_identities

__all__ = ["write_identities"]
