"""Addresses say which sink it is, and a bad one is explained without showing a password."""

from __future__ import annotations

import pytest

from sinks.clickhouse import Server
from sinks.memory import MemoryWriter
from sinks.open import AddressError, open_writer, parse_server


def test_a_plain_address_has_the_usual_defaults() -> None:
    assert parse_server("clickhouse://db/touchline") == Server("db", 9000, "default", "")


def test_user_and_password_may_hold_any_letter() -> None:
    server = parse_server("clickhouse://wri%40ter:p%40ss%2F%3A@10.0.0.1:9001/touchline")

    assert server == Server("10.0.0.1", 9001, "wri@ter", "p@ss/:")


@pytest.mark.parametrize("url", ["clickhouse://db?secure=1", "clickhouses://db/touchline"])
def test_tls_has_its_own_port_and_checks_certificates(url: str) -> None:
    server = parse_server(url)

    assert (server.secure, server.port, server.verify) == (True, 9440, True)


def test_options_are_read() -> None:
    server = parse_server("clickhouse://db:9000/touchline?secure=1&verify=0&ca_certs=/x.pem&compression=0&timeout=2.5")

    assert server == Server(
        "db",
        secure=True,
        verify=False,
        ca_certs="/x.pem",
        compression=False,
        timeout_s=2.5,
    )


def test_memory_is_a_sink() -> None:
    assert isinstance(open_writer("memory://"), MemoryWriter)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres://u:s3cret@db/touchline", "postgres"),
        ("nonsense", "nonsense"),
        ("clickhouse:///touchline", "names no host"),
        ("clickhouse://u:s3cret@db/other", "is 'touchline', not 'other'"),
        ("clickhouse://u:s3cret@db:99999/touchline", "port"),
        ("clickhouse://u:s3cret@db?secure=maybe", "'maybe'"),
        ("clickhouse://u:s3cret@db?timeout=long", "seconds"),
        ("clickhouse://u:s3cret@db?tls=1", "'tls'"),
        ("chdb://folder", "three slashes"),
        ("chdb:///", "three slashes"),
    ],
)
def test_a_bad_address_is_explained(url: str, message: str) -> None:
    with pytest.raises(AddressError, match=message) as caught:
        open_writer(url)

    assert "s3cret" not in str(caught.value)


def test_a_server_s_password_is_never_shown() -> None:
    assert "s3cret" not in repr(parse_server("clickhouse://u:s3cret@db"))
