"""From a decoded record to what the journeys log says of it, or a refusal with its reason. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas import journey_log
from schemas.rows import BusinessChangeRow, MarketingSpendRow
from streams.intake.checks import (
    InvalidRecordError,
    check_amount,
    check_currency,
    check_event_id,
    check_happened,
    check_planned,
    check_said,
    check_size,
    check_stars,
    normalised_score,
)
from streams.intake.fingerprint import fingerprint
from streams.intake.identity import customer_key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.intake.identity import Resolver
    from streams.sentiment import Scorer

__all__ = ["Accepted", "InvalidRecordError", "accept", "check_size"]

Accepted = journey_log.AnyTouchpoint | BusinessChangeRow | MarketingSpendRow

_VERSION_TIE_BITS = 6


def accept(  # noqa: PLR0913 - a record, where it stands and what it is validated by, all named
    kind: str,
    record: dict[str, Any],
    *,
    task: int,
    clock: int,
    source_offset: int,
    received_at: int,
    now: int,
    scorer: Scorer,
    resolver: Resolver | None = None,
) -> Accepted:
    """Return what is to be written down of a record.

    Args:
        kind: the contract's name of the record's kind.
        record: the record as `schemas.avro.codec.Codec.decode` gives it.
        task: the INGEST task, which is the input partition's number.
        clock: the task's watermark, ms; 0 where not yet known.
        source_offset: the message's offset in its topic's partition `task`.
        received_at: the broker's timestamp of the message, ms.
        now: wall-clock time, ms: how far ahead a time may lie is counted from it.
        scorer: scores what customers wrote in their own words.
        resolver: knows which customers identifiers were linked to.

    Returns:
        A touchpoint; or, of the kinds that are no customer's, the row of their table. The `version`
        of such a row is its `occurred_at` above a few bits of its fingerprint, 48 bits in all, so
        that the latest statement wins in whatever order and partitions they come. The caller puts
        the epoch above that.

    Raises:
        InvalidRecordError: the record does not hold.
    """
    check_said(record, "event_id", "source")
    check_event_id(record["event_id"])
    check_happened("occurred_at", record["occurred_at"], now)
    if (row_of := _BUSINESS.get(kind)) is not None:
        return row_of(record)
    customer_key = customer_key_of(record["customer_id"], record["identifiers"], resolver)
    if customer_key is None:
        raise InvalidRecordError("no_identity", _no_identity(record))
    common = {
        "task": task,
        "clock": clock,
        "source_offset": source_offset,
        "received_at": received_at,
        "fingerprint": fingerprint(kind, record),
        "event_id": record["event_id"],
        "occurred_at": record["occurred_at"],
        "source": record["source"],
        "customer_key": customer_key,
        "channel": record["channel"] or default_channel(kind, record),
        "attributes": record["attributes"],
    }
    return _TOUCHPOINTS[kind](record, common, scorer)


_CHANNELS = {
    "purchase": "store",
    "tweet": "social",
    "support_call": "phone",
    "survey_answer": "survey",
    "cart_event": "web",
    "case_event": "email",
    "page_view": "web",
}


def default_channel(kind: str, record: dict[str, Any]) -> str:
    """Return the channel of a touchpoint whose source does not name one.

    It follows from the kind; but an order from a cart came by the `web` (without one, from the
    `store`), and a page of the client portal is seen in the `portal`.
    """
    if kind == "purchase" and record["cart_id"] is not None:
        return "web"
    if kind == "page_view" and record["area"] == "portal":
        return "portal"
    return _CHANNELS[kind]


def _no_identity(record: dict[str, Any]) -> str:
    kinds = ", ".join(sorted(record["identifiers"])) or "none"
    return f"customer_id is {record['customer_id']!r}, no usable identifier (sent: {kinds})"


def _say(common: dict[str, Any], scorer: Scorer, text: str | None, lang: str | None = None) -> None:
    """Add a customer's own words, and how they feel."""
    if not text:
        return
    common["text"] = text
    if (sentiment := scorer.score(text, lang)) is not None:
        common["sentiment"] = sentiment
        common["scorer"] = scorer.name


def _purchase(record: dict[str, Any], common: dict[str, Any], _: Scorer) -> journey_log.Purchase:
    check_said(record, "order_id")
    check_amount("amount_minor", record["amount_minor"])
    check_amount("discount_minor", record["discount_minor"])
    check_currency(record["currency"])
    for item in record["items"]:
        check_amount("an item's quantity", item["quantity"])
        check_amount("an item's price_minor", item["price_minor"])
    return journey_log.Purchase(
        order_id=record["order_id"],
        action=record["action"],
        amount_minor=record["amount_minor"],
        currency=record["currency"],
        cart_id=record["cart_id"],
        **common,
    )


def _tweet(record: dict[str, Any], common: dict[str, Any], scorer: Scorer) -> journey_log.Tweet:
    check_said(record, "post_id")
    check_stars(record["rating"])
    if record["author"] == "customer":
        _say(common, scorer, record["text"], record["lang"])
    else:
        common["text"] = record["text"]
    return journey_log.Tweet(
        post_id=record["post_id"],
        author=record["author"],
        in_reply_to=record["in_reply_to"],
        rating=record["rating"],
        **common,
    )


def _support_call(record: dict[str, Any], common: dict[str, Any], _: Scorer) -> journey_log.SupportCall:
    check_said(record, "call_id")
    # Notes are the agent's words: kept, but no sign of how the customer feels.
    common["text"] = record["notes"] or ""
    return journey_log.SupportCall(
        call_id=record["call_id"],
        phase=record["phase"],
        topic=record["topic"],
        case_id=record["case_id"],
        resolved=record["resolved"],
        **common,
    )


def _survey_answer(record: dict[str, Any], common: dict[str, Any], scorer: Scorer) -> journey_log.SurveyAnswer:
    check_said(record, "response_id", "survey_id")
    normalised = normalised_score(record)
    _say(common, scorer, record["text"])
    return journey_log.SurveyAnswer(
        response_id=record["response_id"],
        survey_id=record["survey_id"],
        phase=record["phase"],
        question_kind=record["question_kind"],
        score=record["score"],
        normalised=normalised,
        **common,
    )


def _cart_event(record: dict[str, Any], common: dict[str, Any], _: Scorer) -> journey_log.CartEvent:
    check_said(record, "cart_id")
    check_amount("quantity", record["quantity"])
    check_amount("value_minor", record["value_minor"])
    if record["currency"] is not None:
        check_currency(record["currency"])
    return journey_log.CartEvent(
        cart_id=record["cart_id"],
        action=record["action"],
        quantity=record["quantity"],
        value_minor=record["value_minor"],
        currency=record["currency"],
        **common,
    )


def _case_event(record: dict[str, Any], common: dict[str, Any], scorer: Scorer) -> journey_log.CaseEvent:
    check_said(record, "case_id")
    check_planned("eta_at", record["eta_at"])
    if record["by"] == "customer":
        _say(common, scorer, record["text"])
    else:
        common["text"] = record["text"] or ""
    return journey_log.CaseEvent(
        case_id=record["case_id"],
        phase=record["phase"],
        by=record["by"],
        topic=record["topic"],
        complaint=record["complaint"],
        **common,
    )


def _page_view(record: dict[str, Any], common: dict[str, Any], _: Scorer) -> journey_log.PageView:
    check_said(record, "page")
    return journey_log.PageView(
        page=record["page"],
        area=record["area"],
        action=record["action"],
        ok=record["ok"],
        **common,
    )


def _version(kind: str, record: dict[str, Any]) -> int:
    tie = fingerprint(kind, record) & ((1 << _VERSION_TIE_BITS) - 1)
    occurred_at: int = record["occurred_at"]
    return occurred_at << _VERSION_TIE_BITS | tie


def _business_change(record: dict[str, Any]) -> BusinessChangeRow:
    check_said(record, "change_id", "name")
    check_planned("effective_at", record["effective_at"])
    check_planned("reverted_at", record["reverted_at"])
    return BusinessChangeRow(
        change_id=record["change_id"],
        name=record["name"],
        topic=record["topic"],
        effective_at=record["effective_at"],
        reverted_at=record["reverted_at"],
        event_id=record["event_id"],
        occurred_at=record["occurred_at"],
        source=record["source"],
        attributes=record["attributes"],
        version=_version("business_change", record),
    )


def _marketing_spend(record: dict[str, Any]) -> MarketingSpendRow:
    check_said(record, "spend_id")
    check_planned("period_start", record["period_start"])
    check_planned("period_end", record["period_end"])
    if record["period_end"] < record["period_start"]:
        raise InvalidRecordError("invalid_time", "period_end is before period_start")
    check_amount("amount_minor", record["amount_minor"])
    check_currency(record["currency"])
    return MarketingSpendRow(
        spend_id=record["spend_id"],
        campaign=record["campaign"],
        period_start=record["period_start"],
        period_end=record["period_end"],
        amount_minor=record["amount_minor"],
        currency=record["currency"],
        event_id=record["event_id"],
        occurred_at=record["occurred_at"],
        source=record["source"],
        attributes=record["attributes"],
        version=_version("marketing_spend", record),
    )


_TOUCHPOINTS: dict[str, Callable[[dict[str, Any], dict[str, Any], Scorer], journey_log.AnyTouchpoint]] = {
    "purchase": _purchase,
    "tweet": _tweet,
    "support_call": _support_call,
    "survey_answer": _survey_answer,
    "cart_event": _cart_event,
    "case_event": _case_event,
    "page_view": _page_view,
}
_BUSINESS: dict[str, Callable[[dict[str, Any]], BusinessChangeRow | MarketingSpendRow]] = {
    "business_change": _business_change,
    "marketing_spend": _marketing_spend,
}
