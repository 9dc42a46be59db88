"""The certificates to trust: what is wrong with their file is told by its name, and nobody waits for it to change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streams.kafka.client import BrokerError, client_options, wait_for_broker
from streams.settings import Settings


def missing(folder: Path) -> Path:
    return folder / "missing.pem"


def no_certificates(folder: Path) -> Path:
    file = folder / "letters.pem"
    file.write_text("Dear customer\n")
    return file


def a_folder(folder: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (missing, "cannot be read: No such file or directory"),
        (no_certificates, "holds no certificates in PEM format"),
        (a_folder, "cannot be read: Is a directory"),
    ],
)
async def test_a_file_of_certificates_that_cannot_be_used_is_named(
    tmp_path: Path, make: Callable[[Path], Path], why: str
) -> None:
    file = make(tmp_path)
    settings = Settings(kafka_security="ssl", kafka_cafile=str(file))

    with pytest.raises(BrokerError) as told:
        await wait_for_broker(settings)

    assert str(told.value) == f"TOUCHLINE_KAFKA_CAFILE: {file} {why}"


def test_without_tls_the_file_is_not_read(tmp_path: Path) -> None:
    assert "ssl_context" not in client_options(Settings(kafka_cafile=str(missing(tmp_path))))
