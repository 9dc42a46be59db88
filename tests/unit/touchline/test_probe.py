"""Why a server cannot be reached: each mistake is told apart, with the setting to look at."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from servers.certificates import Certificate, make_certificate
from tests.servers.process import skip_without_server
from touchline.doctor.check import Fault, problems
from touchline.doctor.probe import Endpoint, obstacle
from touchline.stack.ports import free_port

Answer = Callable[[socket.socket], object]


def endpoint(host: str, port: int, tls: ssl.SSLContext | None = None) -> Endpoint:
    return Endpoint(host, port, tls, "ADDRESS", "TRUST", "use TLS", "use none")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    with skip_without_server():
        return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture(scope="module")
def plain_port() -> Iterator[int]:
    """A server that ends a connection as soon as something was said to it."""
    yield from _serve(lambda connection: connection.recv(1))


@pytest.fixture(scope="module")
def tls_port(certificate: Certificate) -> Iterator[int]:
    """A server that speaks TLS, with a certificate for `localhost`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.both)
    yield from _serve(lambda connection: context.wrap_socket(connection, server_side=True).close())


def _serve(answer: Answer) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                answer(connection)

    thread = Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def trusting(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.file))


def test_a_free_way_is_none(plain_port: int, tls_port: int, certificate: Certificate) -> None:
    assert obstacle(endpoint("127.0.0.1", plain_port)) is None
    assert obstacle(endpoint("localhost", tls_port, trusting(certificate))) is None


def test_a_host_that_there_is_not() -> None:
    # RFC 6761: no host has a name that ends in `.invalid`.
    assert obstacle(endpoint("db.invalid", 9000)) == Fault("there is no host db.invalid", "look at ADDRESS")


def test_a_port_at_which_nothing_listens() -> None:
    port = free_port()

    assert obstacle(endpoint("127.0.0.1", port)) == Fault(
        f"nothing listens at 127.0.0.1:{port}", "look at ADDRESS, and whether the server runs"
    )


def test_tls_to_a_server_without_it(plain_port: int) -> None:
    fault = obstacle(endpoint("localhost", plain_port, ssl.create_default_context()))

    assert fault == Fault(f"localhost:{plain_port} speaks no TLS", "use none, or take the port that speaks it")


def test_no_tls_to_a_server_with_it(tls_port: int) -> None:
    assert obstacle(endpoint("localhost", tls_port)) == Fault(
        f"localhost:{tls_port} speaks TLS, and we do not", "use TLS"
    )


def test_a_certificate_of_an_unknown_authority(tls_port: int, tmp_path: Path) -> None:
    for context in (ssl.create_default_context(), trusting(make_certificate(tmp_path, "localhost"))):
        fault = obstacle(endpoint("localhost", tls_port, context))

        assert fault == Fault(
            f"the certificate of localhost:{tls_port} is of an authority that is not trusted",
            "name the file with the authority's certificate in TRUST",
        )


def test_a_certificate_for_another_name(tls_port: int, certificate: Certificate) -> None:
    fault = obstacle(endpoint("127.0.0.1", tls_port, trusting(certificate)))

    assert fault == Fault(
        f"the certificate of 127.0.0.1:{tls_port} is for another name", "write a name that it is for in ADDRESS"
    )


def test_faults_with_the_same_advice_are_one_line() -> None:
    faults = [Fault("a fails", "do this"), Fault("b fails", "do that"), Fault("c fails", "do this")]

    assert [(check.ok, check.text) for check in problems("Kafka", faults)] == [
        (False, "a fails; c fails: do this"),
        (False, "b fails: do that"),
    ]
