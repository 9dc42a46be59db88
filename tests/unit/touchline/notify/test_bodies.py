"""What is sent: JSON, Slack's JSON and mail; and that what comes from outside does nothing in them."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import default
from zoneinfo import ZoneInfo

import pytest

from schemas.avro.registry import current_schemas
from tests.unit.touchline.notify.made_up import NOON, abandonment, follow_up, shift, target
from touchline.notify.bodies import json_body, mail_of, slack_body
from touchline.notify.notices import Notice
from touchline.notify.targets import Email

UTC, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
EMAIL = 'kind = "email"\nhost = "smtp.example.com"\nfrom = "touchline@example.com"\nto = ["a@example.com", "b@x.org"]'


def test_the_json_has_the_whole_signal_with_times_that_people_read() -> None:
    told = json.loads(json_body(follow_up(warned_at=NOON), "f-1:open"))

    assert (told["id"], told["type"], told["status"]) == ("f-1:open", "follow_up", "open")
    assert told["data"].keys() == {field["name"] for field in current_schemas()["FollowUp"]["fields"]}
    assert told["data"]["due_at"] == "2026-06-10T12:00:00.000Z"
    assert told["data"]["warned_at"] == "2026-06-10T12:00:00.000Z"
    assert told["data"]["settle_due_at"] is None
    assert (told["data"]["value_minor"], told["data"]["causes"]) == (129_900, 1)


def test_the_json_of_a_withdrawal_says_so() -> None:
    assert json.loads(json_body(follow_up(retracted=True), "k"))["status"] == "withdrawn"
    assert json.loads(json_body(abandonment(), "k"))["type"] == "abandonment"
    assert json.loads(json_body(shift(), "k"))["type"] == "sentiment_shift"


def test_slack_is_told_what_to_do_for_whom_and_by_when() -> None:
    told = json.loads(slack_body(follow_up(), BERLIN))

    assert told["text"].splitlines() == [
        "Get back to a customer: a complaint",
        "Customer: `c-1`",
        "By: `2026-06-10 14:00 CEST`",
        "Team: `care-de`",
        "Topic: `delivery`",
        "Channel: `email`",
        "Language: `de`",
        "About: `t-1`",
        "Spent: `EUR 1,299.00`",
        "Experience: `-0.60`",
        "Follow-up: `f-1`",
    ]
    assert [block["text"]["text"] for block in told["blocks"]] == told["text"].split("\n", 1)


@pytest.mark.parametrize(
    ("notice", "title"),
    [
        (follow_up(status="warning", reason="worse"), "Due soon: get back to a customer: their experience got worse"),
        (follow_up(status="missed", reason="a new one"), "Missed: nobody got back to a customer: another reason"),
        (follow_up(retracted=True), "Withdrawn: Get back to a customer: a complaint"),
        (abandonment(), "Abandoned: a cart"),
        (abandonment(subject="hold", status="recovered"), "Recovered: a call, on hold"),
        (shift(), "A customer's experience got worse"),
    ],
)
def test_the_first_line_says_what_it_is(notice: Notice, title: str) -> None:
    assert json.loads(slack_body(notice, UTC))["text"].splitlines()[0] == title


def test_what_comes_from_outside_links_and_mentions_nobody() -> None:
    evil = "<!channel> & <https://evil.example|click> `@all` *b*"
    told = json.loads(slack_body(follow_up(topic=evil), UTC))
    (line,) = [line for line in told["text"].splitlines() if line.startswith("Topic")]

    assert line == "Topic: `&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt; '@all' *b*`"
    assert line in told["blocks"][1]["text"]["text"]
    assert told["blocks"][1]["text"]["verbatim"] is True


def test_a_text_is_one_line_and_short() -> None:
    told = json.loads(slack_body(follow_up(topic="x" * 5000, owner="a\nCustomer: `c-2`\u202e"), UTC))
    lines = told["text"].splitlines()

    assert [line for line in lines if line.startswith("Customer")] == ["Customer: `c-1`"]
    assert max(map(len, lines)) < 220


def test_whatever_is_in_it_slack_takes_each_section() -> None:
    """Slack refuses a post of which a section has more than 3,000 characters; each `&` is five of them."""
    fields = ("customer_id", "owner", "topic", "channel", "lang", "subject_id")
    told = json.loads(slack_body(follow_up(**dict.fromkeys(fields, "&" * 5000)), UTC))
    texts = [block["text"]["text"] for block in told["blocks"]]

    assert max(map(len, texts)) <= 3_000
    assert "\n".join(texts) == told["text"]
    assert told["text"].count("&amp;") == 6 * 199
    assert all(block["text"]["verbatim"] for block in told["blocks"][1:])


def mail(notice: Notice) -> bytes:
    to = target(kind=EMAIL)
    assert isinstance(to, Email)
    return mail_of(notice, "f-1:open", to, UTC, NOON).as_bytes()


def test_a_mail_has_its_addresses_its_id_and_the_facts() -> None:
    read = message_from_bytes(mail(follow_up()), policy=default)

    assert (read["From"], read["To"]) == ("touchline@example.com", "a@example.com, b@x.org")
    assert read["Subject"] == "Get back to a customer: a complaint"
    assert read["Message-ID"] == "<f-1.open@touchline.invalid>"
    assert read["Date"] == "Wed, 10 Jun 2026 12:00:00 +0000"
    body = read.get_body()
    assert body is not None
    assert body.get_content().splitlines()[:4] == [
        "Get back to a customer: a complaint",
        "",
        "Customer: c-1",
        "By: 2026-06-10 12:00 UTC",
    ]


def test_nothing_from_outside_becomes_a_header_or_ends_a_line() -> None:
    evil = "x\r\nBcc: victim@example.com\r\n\r\n.\r\nMAIL FROM:<a@b>"
    sent = mail(follow_up(topic=evil, owner=evil, customer_id=evil, reason=evil, status=evil))
    read = message_from_bytes(sent, policy=default)

    assert read["Bcc"] is None
    assert {name.lower() for name in read} == {
        "from", "to", "subject", "date", "message-id", "auto-submitted", "content-type", "content-transfer-encoding",
        "mime-version",
    }  # fmt: skip
    assert b"\r\n.\r\n" not in sent
    assert not [line for line in sent.splitlines() if line.startswith((b"Bcc", b"MAIL"))]
