"""The tree of errors, drawn in `schemas.errors`, is the one that the code has."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from schemas import errors
from schemas.errors import TouchlineError

ROOMS = ("schemas", "sinks", "streams", "touchline")
COLUMN = 40
"""Where the drawing names the modules."""


def import_everything() -> None:
    """Import every module of ours; one whose library is not installed has no error of its own."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if module.name.endswith("__main__"):
                continue
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if str(error.name).partition(".")[0] in ROOMS:
                    raise


def tree(error: type[Exception], depth: int = 0) -> Iterator[tuple[type[Exception], int]]:
    """Yield an error and all errors below it, each with its depth, in the order of their names."""
    yield error, depth
    for below in sorted(error.__subclasses__(), key=lambda found: found.__name__):
        if below.__module__.partition(".")[0] in ROOMS:
            yield from tree(below, depth + 1)


def test_the_tree_is_drawn_as_it_is() -> None:
    import_everything()
    _, _, drawn = (errors.__doc__ or "").partition("\n\n")

    assert drawn.splitlines() == [
        f"{'    ' * depth}{error.__name__}".ljust(COLUMN) + error.__module__ for error, depth in tree(TouchlineError)
    ]


def test_every_name_ends_in_error() -> None:
    import_everything()

    assert [error for error, _ in tree(TouchlineError) if not error.__name__.endswith("Error")] == []
