"""Versions of rows: a later record's wins, and a higher epoch's always."""

from __future__ import annotations

from schemas.versions import row_version


def test_a_later_record_has_the_higher_version_and_a_higher_epoch_wins_over_any() -> None:
    versions = [row_version(0, 0), row_version(0, 1), row_version(0, (1 << 40) - 1), row_version(1, 0)]
    assert versions == sorted(set(versions))


def test_the_highest_version_fits_a_signed_column() -> None:
    assert row_version((1 << 14) - 1, (1 << 40) - 1) < 1 << 63
