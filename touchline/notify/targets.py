"""The targets: whom what is delivered to, read from a TOML file; secrets come from the environment. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from yarl import URL

from schemas.toml import TomlError, convert_toml
from streams.settings import PREFIX
from touchline.collect.keys import is_loopback
from touchline.notify.errors import TargetsError
from touchline.notify.notices import SignalName
from touchline.notify.signing import SECRET_ADVICE, SECRET_FORM, secret_of

Status = Literal["open", "warning", "missed", "contacted", "settled", "expired", "abandoned", "recovered"]
Reason = Literal["poor_answer", "worse", "complaint", "abandoned_call", "unanswered_post", "thank_you"]
Subject = Literal["cart", "checkout", "call", "hold", "survey"]
Direction = Literal["worse", "better"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
"""An address as one writes it in a configuration: no name, no comment, nothing that ends a header."""
_UNKNOWN_KEY = re.compile(r"contains unknown field `([^`]*)`")

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
PerMinute = Annotated[float, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class _Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all kinds of targets have.

    Attributes:
        name: tells it from other targets, in metrics, logs and dead letters.
        signals: which it gets.
        reasons, owners: those of the follow-ups that it gets; any where none is named. The owner "" is nobody's.
        statuses: those of the follow-ups and abandonments that it gets.
        subjects: those of the abandonments that it gets; any where none is named.
        directions: those of the shifts that it gets.
        withdrawals: whether it is told that something does not hold any more.
        per_minute: most attempts a minute; 0 for any number.
        allow_unencrypted: whether it may be reached over a network without TLS.
    """

    name: Name
    signals: Annotated[tuple[SignalName, ...], msgspec.Meta(min_length=1)] = ("follow_ups",)
    reasons: tuple[Reason, ...] = ()
    owners: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ("open", "warning", "missed", "abandoned")
    subjects: tuple[Subject, ...] = ()
    directions: tuple[Direction, ...] = ("worse",)
    withdrawals: bool = False
    per_minute: PerMinute = 60.0
    allow_unencrypted: bool = False


class Webhook(_Target, frozen=True, tag_field="kind", tag="webhook"):
    """A web service that takes signed JSON. Either `url`, or the variable that holds it, is named."""

    secret_env: str
    url: str | None = None
    url_env: str | None = None


class Slack(_Target, frozen=True, tag_field="kind", tag="slack"):
    """A channel of Slack, or of what takes the same JSON. The address is a secret: whoever has it can post."""

    url_env: str


class Email(_Target, frozen=True, tag_field="kind", tag="email", rename={"sender": "from"}):
    """Mailboxes, by a server of one's own."""

    host: str
    sender: str
    to: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)]
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user_env: str | None = None
    password_env: str | None = None


Target = Webhook | Slack | Email
KINDS: dict[type[Target], str] = {Webhook: "webhook", Slack: "slack", Email: "email"}


class _Targets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: Annotated[list[Target], msgspec.Meta(min_length=1)]


class Secrets(msgspec.Struct, frozen=True):
    """What a target needs of the environment. It is shown nowhere.

    Attributes:
        url: where it is, of webhooks and Slack.
        key: by which a webhook's requests are signed.
        user, password: with which to log in to a mail server; None without a login.
    """

    url: str = ""
    key: bytes = b""
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return "Secrets(...)"


def read_targets(text: str) -> list[Target]:
    """Return the targets of a TOML file's text, each a `[[target]]`.

    Raises:
        TargetsError: they do not hold.
    """
    try:
        targets = convert_toml(text, _Targets).target
    except TomlError as error:
        raise TargetsError(f"the targets cannot be read: {error}{_advice(str(error))}") from None
    for number, target in enumerate(targets):
        if target.name in {other.name for other in targets[:number]}:
            raise TargetsError(f"two targets are called {target.name!r}: give each a name of its own")
        _check(target)
    return targets


def secrets_of(target: Target, environ: Mapping[str, str]) -> Secrets:
    """Return what a target needs of the environment.

    Raises:
        TargetsError: a variable is missing, or what it holds is none of what it should be.
    """
    if isinstance(target, Email):
        named = (target.user_env, target.password_env)
        user, password = (None if name is None else _variable(target, name, environ) for name in named)
        return Secrets(user=user, password=password)
    url = _variable(target, target.url_env, environ) if target.url_env is not None else _url_in_file(target)
    where = target.url_env or "url"
    _check_url(target, where, url)
    if isinstance(target, Slack):
        return Secrets(url)
    key = secret_of(_variable(target, target.secret_env, environ))
    if key is None:
        raise TargetsError(f"target {target.name}: {target.secret_env} is no secret: {SECRET_FORM}. {SECRET_ADVICE}")
    return Secrets(url, key)


def _variable(target: Target, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise TargetsError(f"target {target.name}: the environment variable {name} is not set, or empty")
    return value


def _url_in_file(target: Webhook | Slack) -> str:
    return (target.url or "") if isinstance(target, Webhook) else ""


def _check(target: Target) -> None:
    for key in ("secret_env", "url_env", "user_env", "password_env"):
        variable = getattr(target, key, None)
        if variable is None:
            continue
        if not _VARIABLE.fullmatch(variable):
            # It may be the secret itself, which no message shows.
            raise TargetsError(f"target {target.name}: {key} is no name of an environment variable: letters, digits, _")
        if variable.startswith(PREFIX):
            raise TargetsError(
                f"target {target.name}: {key} is {variable}; variables that begin with {PREFIX} are settings: choose "
                "another name"
            )
    if isinstance(target, Webhook):
        if (target.url is None) == (target.url_env is None):
            raise TargetsError(f"target {target.name}: name one of url and url_env")
        if target.url is not None:
            _check_url(target, "url", target.url)
    if isinstance(target, Email):
        _check_email(target)


def _check_url(target: Webhook | Slack, where: str, url: str) -> None:
    """Raise TargetsError unless a URL holds; the message shows nothing of it, since it may be a secret."""
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.host:
        raise TargetsError(f"target {target.name}: {where} should look like https://host/path")
    if parts.user is not None or parts.password is not None:
        raise TargetsError(
            f"target {target.name}: {where} has a user or a password in it; requests are signed, and log in by nothing "
            "else"
        )
    if parts.scheme == "http" and not is_loopback(parts.host) and not target.allow_unencrypted:
        raise TargetsError(
            f"target {target.name}: {where} is http, by which customers' data cross the network in the clear: write "
            "https, or allow_unencrypted = true"
        )


def _parts(url: str) -> URL | None:
    try:
        return None if re.search(r"[\s\x00-\x1f\x7f]", url) else URL(url)
    except ValueError:
        return None


def _check_email(target: Email) -> None:
    for address in (target.sender, *target.to):
        if not _ADDRESS.fullmatch(address):
            raise TargetsError(f"target {target.name}: {address!r} is no address: write it as care@example.com")
    if re.search(r"[\s/@]", target.host) or not target.host:
        raise TargetsError(f"target {target.name}: host is the mail server's name alone, as smtp.example.com")
    if (target.user_env is None) != (target.password_env is None):
        raise TargetsError(f"target {target.name}: user_env and password_env go together")
    if target.tls == "none" and not is_loopback(target.host) and not target.allow_unencrypted:
        raise TargetsError(
            f'target {target.name}: with tls = "none" customers\' data cross the network in the clear: write '
            '"starttls" or "tls", or allow_unencrypted = true'
        )


def _advice(error: str) -> str:
    """Return the nearest key for one that is unknown."""
    found = _UNKNOWN_KEY.search(error)
    if found is None:
        return ""
    kinds = [field for kind in KINDS for field in msgspec.structs.fields(kind)]
    known = {"target", "kind", *(field.encode_name for field in kinds)}
    near = difflib.get_close_matches(found[1], sorted(known), n=1, cutoff=0.0)
    return f"; did you mean {near[0]}?"
