"""Delivery by mail, to a server that answers as it is told: TLS, logins, refusals, and a server that hangs."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from servers.certificates import Certificate, make_certificate
from tests.servers.mail import MailServer
from tests.servers.process import skip_without_server
from tests.unit.touchline.notify.made_up import NOON, follow_up, target
from touchline.notify.errors import DeliveryError, RefusedDeliveryError
from touchline.notify.smtp_sender import SmtpSender
from touchline.notify.targets import Email, Secrets
from touchline.stack.ports import free_port

LOGIN = Secrets(user="me", password="secret")  # noqa: S106  # made up
A, B = "a@example.com", "b@example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    with skip_without_server():
        return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server's certificate and key, which is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    return certificate.both


def sender(port: int, tls: str, secrets: Secrets | None = None, timeout_s: float = 10.0) -> SmtpSender:
    kind = (
        f'kind = "email"\nhost = "localhost"\nport = {port}\ntls = "{tls}"\nfrom = "t@example.com"\nto = ["{A}", "{B}"]'
    )
    found = target(kind=kind)
    assert isinstance(found, Email)
    return SmtpSender(found, secrets or Secrets(), ZoneInfo("UTC"), timeout_s, lambda: NOON)


async def test_a_mail_goes_by_starttls_with_a_login_to_all_addresses(trusted: Path) -> None:
    with MailServer(trusted) as server:
        await sender(server.port, "starttls", LOGIN).send(follow_up(), "f-1:open")
    (mail,) = server.mails

    assert (mail.sender, mail.to) == ("t@example.com", (A, B))
    assert (mail.encrypted, mail.login) == (True, "\0me\0secret")
    assert message_from_bytes(mail.content, policy=default)["Message-ID"] == "<f-1.open@touchline.invalid>"


async def test_or_by_tls_from_the_beginning(trusted: Path) -> None:
    with MailServer(trusted, implicit_tls=True) as server:
        await sender(server.port, "tls").send(follow_up(), "k")

    assert [mail.encrypted for mail in server.mails] == [True]


async def test_or_in_the_clear_where_that_is_chosen() -> None:
    with MailServer() as server:
        await sender(server.port, "none").send(follow_up(), "k")

    assert [mail.encrypted for mail in server.mails] == [False]


async def test_without_starttls_nothing_is_sent_in_the_clear() -> None:
    with MailServer() as server, pytest.raises(DeliveryError, match="SMTPNotSupportedError") as caught:
        await sender(server.port, "starttls", LOGIN).send(follow_up(), "k")

    assert caught.value.cause == "connection"
    assert not {"AUTH", "MAIL", "RCPT", "DATA"} & server.commands.keys()


@pytest.mark.parametrize(("tls", "implicit"), [("starttls", False), ("tls", True)])
async def test_a_certificate_that_is_not_trusted_gets_nothing(
    certificate: Certificate, tls: str, implicit: bool
) -> None:
    with MailServer(certificate.both, implicit_tls=implicit) as server, pytest.raises(DeliveryError):
        await sender(server.port, tls, LOGIN).send(follow_up(), "k")

    assert not {"AUTH", "MAIL", "RCPT", "DATA"} & server.commands.keys()


async def test_a_login_that_is_refused_may_pass(trusted: Path) -> None:
    with MailServer(trusted) as server:
        wrong = Secrets(user="me", password="wrong")  # noqa: S106  # made up
        with pytest.raises(DeliveryError, match="answers 535") as caught:
            await sender(server.port, "starttls", wrong).send(follow_up(), "k")

    assert not isinstance(caught.value, RefusedDeliveryError)
    assert "wrong" not in str(caught.value)


async def test_a_mail_that_is_refused_for_good_is_a_refusal_and_one_that_is_not_may_pass() -> None:
    with MailServer(codes=[554, 451]) as server:
        by = sender(server.port, "none")
        with pytest.raises(RefusedDeliveryError, match="refuses the mail: 554"):
            await by.send(follow_up(), "k")
        with pytest.raises(DeliveryError, match="answers 451") as caught:
            await by.send(follow_up(), "k")
        await by.send(follow_up(), "k")

    assert not isinstance(caught.value, RefusedDeliveryError)
    assert len(server.mails) == 1


async def test_who_did_not_take_it_yet_alone_gets_it_again() -> None:
    with MailServer(refused={B: [450, 450]}) as server:
        by = sender(server.port, "none")
        for _ in range(2):
            with pytest.raises(DeliveryError, match="1 of 2 addresses do not take it: 450"):
                await by.send(follow_up(), "k")
        for key in ("k", "another", "k"):
            await by.send(follow_up(), key)

    assert [mail.to for mail in server.mails] == [(A,), (B,), (A, B), (A, B)]


async def test_an_address_that_is_refused_for_good_is_told_and_the_others_have_it() -> None:
    said = "1 of 2 addresses do not take it: 550"
    with MailServer(refused={B: [550]}) as server, pytest.raises(RefusedDeliveryError, match=said):
        await sender(server.port, "none").send(follow_up(), "k")

    assert [mail.to for mail in server.mails] == [(A,)]


async def test_addresses_that_are_all_refused_are_a_refusal() -> None:
    said = "2 of 2 addresses do not take it: 550, 553"
    with MailServer(refused={A: [550], B: [553]}) as server, pytest.raises(RefusedDeliveryError, match=said):
        await sender(server.port, "none").send(follow_up(), "k")

    assert server.mails == []


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("said", [b"220-hello\r\n", b"220 " + b"x" * 8192], ids=["lines", "a line"])
async def test_of_an_answer_without_an_end_little_is_read(trusted: Path, said: bytes, secure: bool) -> None:
    """The thread would keep all of it, for as long as it comes."""
    with MailServer(trusted, implicit_tls=secure, endless=said) as server, pytest.raises(DeliveryError) as caught:
        await sender(server.port, "tls" if secure else "none").send(follow_up(), "k")

    assert caught.value.cause != "timeout"


async def test_a_server_that_speaks_without_an_end_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line comes soon, and none is the last: the attempt is over, and the next one has its own connection."""
    monkeypatch.setattr("touchline.notify.smtp_sender.CONNECTION_S", 0.3)
    with MailServer(endless=b"220-wait\r\n", pause_s=0.01) as server:
        by = sender(server.port, "none", timeout_s=0.2)
        async with asyncio.timeout(10):
            while server.connections < 2:
                with pytest.raises(DeliveryError):
                    await by.send(follow_up(), "k")
                await asyncio.sleep(0.01)


async def test_a_server_that_hangs_is_given_up_and_not_asked_again_while_it_does() -> None:
    with MailServer(codes=["hang"]) as server:
        by = sender(server.port, "none", timeout_s=0.2)
        with pytest.raises(DeliveryError, match="in time") as caught:
            await by.send(follow_up(), "k")
        with pytest.raises(DeliveryError, match="the attempt before still waits"):
            await by.send(follow_up(), "k")

    assert server.commands["DATA"] == 1
    assert caught.value.cause == "timeout"


async def test_without_a_server_it_is_a_connection() -> None:
    with pytest.raises(DeliveryError, match="no connection to the mail server") as caught:
        await sender(free_port(), "none").send(follow_up(), "k")

    assert caught.value.cause == "connection"
