"""Validates values by JSON Schema: the one place that uses the package jsonschema, which has no types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema


def validator(schema: dict[str, Any]) -> Callable[[object], list[str]]:
    """Return what tells the problems of a value, none where it is valid.

    Raises:
        jsonschema.SchemaError: the schema (draft 7) is none.
    """
    jsonschema.Draft7Validator.check_schema(schema)
    found = jsonschema.Draft7Validator(schema)
    return lambda value: [f"{error.json_path}: {error.message}" for error in found.iter_errors(value)]
