"""A server's address gives host, login and options, and no password to a log."""

from __future__ import annotations

import pytest

from sinks.clickhouse.address import Server, parse_server


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


def test_a_server_s_password_is_never_shown() -> None:
    assert "s3cret" not in repr(parse_server("clickhouse://u:s3cret@db"))
