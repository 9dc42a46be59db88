"""The settings of pseudonyms: the secret key by which identifiers are replaced, which are read with all others."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from streams.settings.files import FileError, text_of

KEY_CHARACTERS = 16
"""The fewest that a key may have: a shorter one can be found by trial."""
MAKE_ONE = "make one: openssl rand -hex 32"


class PseudonymSettings(BaseSettings):
    """Whether identifiers are replaced, and by which key. `streams.settings.Settings` has these fields, too."""

    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="secret key by which identifiers are replaced by pseudonyms before anything is written past the "
        "inputs ([privacy](identity.md#privacy)); at least 16 characters (default: they are readable)",
    )
    pseudonym_key_file: str | None = Field(
        default=None, description="file with that key instead; earlier keys may follow it, one a line"
    )
    pseudonym_key_old: SecretStr | None = Field(
        default=None,
        description="earlier keys, as a comma list, the last one first: their pseudonyms are still looked up, and the "
        "key may be another than theirs",
    )

    @field_validator("pseudonym_key", "pseudonym_key_old")
    @classmethod
    def _check_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _check(value.get_secret_value().split(","))
        return value

    @field_validator("pseudonym_key_file")
    @classmethod
    def _check_file(cls, value: str | None) -> str | None:
        if value is not None:
            _check(_lines(value))
        return value

    @model_validator(mode="after")
    def _check_one_place(self) -> PseudonymSettings:
        if self.pseudonym_key is not None and self.pseudonym_key_file is not None:
            raise ValueError("both TOUCHLINE_PSEUDONYM_KEY and TOUCHLINE_PSEUDONYM_KEY_FILE are set; take one away")
        if self.pseudonym_key is not None and "," in self.pseudonym_key.get_secret_value():
            raise ValueError("TOUCHLINE_PSEUDONYM_KEY has a comma in it: name earlier keys in _OLD")
        return self

    @property
    def has_pseudonyms(self) -> bool:
        """Whether identifiers are replaced."""
        return self.pseudonym_key is not None or self.pseudonym_key_file is not None

    def pseudonym_keys(self) -> tuple[bytes | None, list[bytes]]:
        """Return the key in force, None without one, and the earlier keys."""
        keys = [] if self.pseudonym_key is None else [self.pseudonym_key.get_secret_value()]
        if self.pseudonym_key_file is not None:
            keys += _lines(self.pseudonym_key_file)
        if self.pseudonym_key_old is not None:
            keys += self.pseudonym_key_old.get_secret_value().split(",")
        found = [key.strip().encode() for key in keys]
        return (found[0], found[1:]) if self.has_pseudonyms else (None, found)


def _check(keys: Sequence[str]) -> None:
    """Raise ValueError where a text is no key; the message shows nothing of it."""
    for number, key in enumerate(keys, start=1):
        if len(key.strip()) < KEY_CHARACTERS:
            which = "" if len(keys) == 1 else f" number {number}"
            raise ValueError(f"a key has {KEY_CHARACTERS} characters or more, and key{which} has fewer; {MAKE_ONE}")


def _lines(file: str) -> list[str]:
    try:
        lines = [line for line in text_of(file).splitlines() if line.strip()]
    except FileError as error:
        raise ValueError(str(error)) from None
    if not lines:
        raise ValueError(f"{file} is empty; {MAKE_ONE}")
    return lines
