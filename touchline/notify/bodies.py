"""What is sent of a notice: JSON for web services, Slack's JSON, and mail. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import msgspec

from schemas.dead_letters import rfc3339
from touchline.notify.notices import MOMENTS, WITHDRAWN, Notice, SignalName
from touchline.notify.targets import Email
from touchline.notify.wording import wording

TYPES: dict[SignalName, str] = {
    "follow_ups": "follow_up",
    "abandonments": "abandonment",
    "sentiment_shifts": "sentiment_shift",
}
"""What one of each signal is called in JSON."""
QUOTE = "'"
"""Stands for a backtick, which would end code."""
SECTION = 3_000
"""Characters of a section, of which Slack takes no more: each `&` of a text is five."""
_MESSAGE_ID_HOST = "touchline.invalid"
"""RFC 2606 keeps it free: the id is ours, and names no machine."""


def json_body(notice: Notice, key: str) -> bytes:
    """Return the JSON for a web service; the same for each attempt.

    Args:
        notice: what it is about.
        key: what the delivery, and each repeat of it, is known by.
    """
    moments = MOMENTS[notice.signal]
    data = {
        name: rfc3339(value) if name in moments and isinstance(value, int) else value
        for name, value in notice.record.items()
    }
    status = WITHDRAWN if notice.withdrawn else notice.status
    return msgspec.json.encode({"id": key, "type": TYPES[notice.signal], "status": status, "data": data})


def slack_body(notice: Notice, zone: ZoneInfo) -> bytes:
    """Return Slack's JSON: a text, and blocks for who shows them; what comes from outside does nothing in them."""
    worded = wording(notice, zone)
    facts = [f"{label}: {as_code(text)}" for label, text in worded.facts]
    blocks = [
        {"type": "section", "text": {"type": "plain_text", "text": worded.title}},
        # Verbatim: addresses in it become no links.
        *({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}} for text in _sections(facts)),
    ]
    return msgspec.json.encode({"text": "\n".join([worded.title, *facts]), "blocks": blocks})


def _sections(facts: Sequence[str]) -> list[str]:
    """Return lines in texts that Slack takes, one as a rule: a post with a longer one would be refused."""
    texts: list[str] = []
    for fact in facts:
        if texts and len(texts[-1]) + 1 + len(fact) <= SECTION:
            texts[-1] = f"{texts[-1]}\n{fact}"
        else:
            texts.append(fact)
    return texts


def as_code(text: str) -> str:
    """Return a text as Slack's inline code.

    What Slack reads as links, mentions and entities (`&`, `<`, `>`) is escaped as it says. In code nothing else is
    read as markup or as a mention, by services that take Slack's JSON neither.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"`{escaped.replace('`', QUOTE)}`"


def mail_of(notice: Notice, key: str, target: Email, zone: ZoneInfo, now_ms: int) -> EmailMessage:
    """Return the mail of a notice.

    Its subject is of our own words and of facts on one printable line, so nothing from outside ends a header.

    Args:
        notice: what it is about.
        key: what the delivery, and each repeat of it, is known by: the message's id.
        target: whose addresses it bears.
        zone: of the moments in it.
        now_ms: when it is sent, epoch ms.
    """
    worded = wording(notice, zone)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = target.sender
    mail["To"] = ", ".join(target.to)
    mail["Subject"] = worded.title
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC))
    mail["Message-ID"] = f"<{key.replace(':', '.')}@{_MESSAGE_ID_HOST}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([worded.title, "", *(f"{label}: {text}" for label, text in worded.facts)]) + "\n")
    return mail
