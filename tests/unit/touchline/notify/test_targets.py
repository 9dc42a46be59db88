"""The file of targets: what holds, what does not, and that no secret is shown."""

from __future__ import annotations

import pytest

from tests.unit.touchline.notify.made_up import SLACK, target
from touchline.notify.errors import TargetsError
from touchline.notify.targets import Secrets, Webhook, read_targets, secrets_of

WEBHOOK = 'kind = "webhook"\nurl = "https://care.example.com/in"\nsecret_env = "CARE_SECRET"'
EMAIL = 'kind = "email"\nhost = "smtp.example.com"\nfrom = "touchline@example.com"\nto = ["care@example.com"]'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  # made up


def test_all_kinds_are_read() -> None:
    text = "".join(f'[[target]]\nname = "{number}"\n{kind}\n' for number, kind in enumerate((WEBHOOK, SLACK, EMAIL)))

    assert [type(one).__name__ for one in read_targets(text)] == ["Webhook", "Slack", "Email"]


def test_what_is_not_said_is_as_the_page_says() -> None:
    found = target(kind=EMAIL)

    assert (found.signals, found.statuses) == (("follow_ups",), ("open", "warning", "missed", "abandoned"))
    assert (found.withdrawals, found.per_minute, found.allow_unencrypted) == (False, 60.0, False)
    assert (found.port, found.tls) == (587, "starttls")  # type: ignore[union-attr]  # it is an Email


@pytest.mark.parametrize(
    ("kind", "more", "says"),
    [
        (SLACK, 'owner = "care"', r"unknown field `owner`.*did you mean owners\?"),
        (SLACK, 'signals = ["follow_up"]', "Invalid enum value 'follow_up'"),
        (SLACK, "signals = []", "length >= 1"),
        (SLACK, 'statuses = ["withdrawn"]', "Invalid enum value 'withdrawn'"),
        ('kind = "teams"', "", "Invalid value 'teams'"),
        ('kind = "slack"', "", "missing required field `url_env`"),
        ('kind = "slack"\nurl_env = "https://hooks.example.com/T0/secret"', "", "url_env is no name of an environment"),
        ('kind = "slack"\nurl_env = "TOUCHLINE_SLACK"', "", "variables that begin with TOUCHLINE_ are settings"),
        ('kind = "webhook"\nsecret_env = "A"', "", "one of url and url_env"),
        (WEBHOOK, 'url_env = "B"', "one of url and url_env"),
        (WEBHOOK.replace("https", "http"), "", "url is http, .*allow_unencrypted = true"),
        (WEBHOOK.replace("https", "ftp"), "", "https://host/path"),
        (WEBHOOK.replace("https://care.example.com/in", "https://"), "", "https://host/path"),
        (WEBHOOK.replace("care.example", "me:hunter2@care.example"), "", "has a user or a password in it"),
        (WEBHOOK.replace("/in", "/in here"), "", "https://host/path"),
        (EMAIL.replace("care@", "Care <care@"), "", "is no address"),
        (EMAIL.replace("care@example.com", "care@example.com\\r\\nBcc: x@y.z"), "", "is no address"),
        (EMAIL.replace("smtp.", "smtps://smtp."), "", "the mail server's name alone"),
        (EMAIL, 'tls = "none"', "in the clear"),
        (EMAIL, 'user_env = "MAIL_USER"', "go together"),
    ],
)
def test_what_does_not_hold_is_refused_with_what_to_do(kind: str, more: str, says: str) -> None:
    with pytest.raises(TargetsError, match=says) as caught:
        target(more, kind)
    assert "hunter2" not in str(caught.value)
    assert "hooks.example.com" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (WEBHOOK.replace("https", "http"), "allow_unencrypted = true"),
        (WEBHOOK.replace("https://care.example.com", "http://127.0.0.1:8080"), ""),
        (WEBHOOK.replace("https://care.example.com", "http://[::1]:8080"), ""),
        (WEBHOOK.replace("care.example.com", "10.0.0.7"), ""),
        (EMAIL, 'tls = "none"\nallow_unencrypted = true'),
        (EMAIL.replace("smtp.example.com", "localhost"), 'tls = "none"'),
    ],
)
def test_loopback_and_what_is_allowed_may_be_unencrypted(kind: str, more: str) -> None:
    assert target(more, kind).name == "care"


@pytest.mark.parametrize("text", ["", "target = []", "[[target]", '[[target]]\nname = "a b"\n' + SLACK])
def test_a_file_without_targets_or_with_a_name_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(TargetsError, match="cannot be read"):
        read_targets(text)


def test_a_fault_of_toml_names_its_line() -> None:
    with pytest.raises(TargetsError, match="line 2"):
        read_targets('[[target]]\nname = "care\n')


def test_names_are_each_its_own() -> None:
    with pytest.raises(TargetsError, match="two targets are called 'a'"):
        read_targets(2 * f'[[target]]\nname = "a"\n{SLACK}\n')


def test_secrets_come_from_the_environment_and_are_shown_nowhere() -> None:
    found = secrets_of(target(kind=WEBHOOK), {"CARE_SECRET": SECRET})

    # echo MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p
    assert found.key.hex() == "31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0"
    assert found.url == "https://care.example.com/in"
    assert repr(found) == "Secrets(...)"
    login = target('user_env = "U"\npassword_env = "P"', EMAIL)
    assert secrets_of(login, {"U": "me", "P": "pw"}) == Secrets(user="me", password="pw")  # noqa: S106  # made up


@pytest.mark.parametrize(
    ("kind", "environ", "says"),
    [
        (WEBHOOK, {}, "the environment variable CARE_SECRET is not set"),
        (WEBHOOK, {"CARE_SECRET": " "}, "CARE_SECRET is not set, or empty"),
        (
            WEBHOOK,
            {"CARE_SECRET": "hunter2"},
            "CARE_SECRET is no secret: whsec_ and 24 to 64 bytes in base64. Make one: echo .*openssl rand",
        ),
        (SLACK, {"SLACK_URL": "hunter2"}, "SLACK_URL should look like https://host/path"),
        (SLACK, {"SLACK_URL": "http://hooks.example.com/hunter2"}, "SLACK_URL is http"),
    ],
)
def test_what_is_missing_in_the_environment_is_named(kind: str, environ: dict[str, str], says: str) -> None:
    with pytest.raises(TargetsError, match=says) as caught:
        secrets_of(target(kind=kind), environ)
    assert "hunter2" not in str(caught.value)


def test_a_webhooks_address_may_be_a_secret_too() -> None:
    hidden = target(kind=WEBHOOK.replace('url = "https://care.example.com/in"', 'url_env = "CARE_URL"'))

    assert isinstance(hidden, Webhook)
    assert secrets_of(hidden, {"CARE_URL": "https://x.example/y", "CARE_SECRET": SECRET}).url == "https://x.example/y"
