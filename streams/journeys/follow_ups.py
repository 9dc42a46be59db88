"""Follow-ups: somebody should get back to a customer, for one reason, by a deadline; and what becomes of it.

A follow-up waits until it opens, warns before its deadline, is missed, is contacted by a person of the business, and
ends: settled by what the customer then says or does, withdrawn with its cause, or expired. Of each reason a customer
has one at most that is not closed: a further cause counts in that. Only what happens later than a cause, by its own
time, is about it. What would end a follow-up before it opens lets it never open.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.follow_ups import LONGEST_DAYS, Reason
from schemas.kinds.support_call import SupportCall
from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.touchpoint import Touchpoint
from schemas.units import DAY_MS, HOUR_MS
from streams.journeys.abandonment import earliest_deadline
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.follow_up_causes import CAUSES, MEANT, is_contact, is_the_business, reason_of, settles
from streams.journeys.follow_up_rows import TABLE, put_row
from streams.journeys.machine import Machine, drop_oldest
from streams.journeys.state import (
    NEVER,
    Answer,
    Attribution,
    CustomerFollowUps,
    CustomerState,
    FollowUp,
    FollowUpStatus,
)

EXPIRES_MS = LONGEST_DAYS * DAY_MS
"""How long after its cause a follow-up ends by itself, and how long the customer's next experience is waited for."""
ASKED_MAX = 20
"""Responses of one customer that are known as asked for: as many as the settings can ask about."""
SETTLED_BY_CONTACT: frozenset[str] = frozenset({"abandoned_call", "unanswered_post", "thank_you"})
"""The reasons of which nothing is left to do once a person has got to the customer."""


class Cause(NamedTuple):
    """Why somebody should get back to a customer.

    Attributes:
        event_id: of the touchpoint that gives the reason.
        experience: what it, or a shift, says of how the customer was served, units of 1 / SCALE; None for nothing.
        subject_id, topic, lang: of what it is about: a response, case, call or post; "" for none.
    """

    event_id: str
    experience: int | None
    subject_id: str = ""
    topic: str = ""
    lang: str = ""


class FollowUps(Machine):
    """The machine of follow-ups; `surveys`, `calls`, `purchases` and `shifts` tell it what they find."""

    tables = (TABLE,)

    def watch(
        self,
        customer: CustomerState,
        touchpoint: Touchpoint,
        attribution: Attribution,
        experience: int | None,
        effects: Effects,
    ) -> None:
        """Take down what a touchpoint means for what is under way, and begin what it is itself the cause of."""
        # Most touchpoints say nothing, and each call costs: a page that is viewed has no experience, and is no cause.
        kind = type(touchpoint)
        follow_ups = customer.follow_ups
        if follow_ups is not None and follow_ups.running and (experience is not None or kind in MEANT):
            _follow(follow_ups, touchpoint, experience, effects)
        cause_of = CAUSES.get(kind)
        if cause_of is not None and (found := cause_of(touchpoint)) is not None:
            reason, topic, lang = found
            cause = Cause(touchpoint.event_id, experience, touchpoint.subject_id, topic, lang)
            _begin(customer, reason, attribution, cause, effects)

    def next_deadline(self, customer: CustomerState) -> int:
        """Return when the next follow-up opens, warns, is missed or expires."""
        follow_ups = customer.follow_ups
        return NEVER if follow_ups is None else earliest_deadline(follow_ups.running)

    def on_deadline(self, customer: CustomerState, at: int, effects: Effects) -> None:
        """Let every follow-up whose deadline is `at` go on."""
        follow_ups = customer.follow_ups
        if follow_ups is not None:
            for reason, one in list(follow_ups.running.items()):
                if one.deadline == at:
                    _pass_deadline(customer, follow_ups, reason, one, effects)

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put a follow-up's row among the effects."""
        if customer.follow_ups is not None:
            for reason, one in customer.follow_ups.running.items():
                if (one.follow_up_id,) == key:
                    put_row(reason, one, effects)


# -- what is told ------------------------------------------------------------------------------------------------------


def ask(customer: CustomerState, event: SurveyAnswer, effects: Effects) -> None:
    """Take down that a customer is asked for a response: by the first that is heard of it."""
    response = _digest(event.response_id, 8)
    if customer.follow_ups is not None and response in customer.follow_ups.asked:
        return
    asked = kept_of(customer).asked
    oldest = event.occurred_at - effects.rules.follow_ups.ask_ms
    for name in [name for name, at in asked.items() if at <= oldest]:
        del asked[name]
    asked[response] = event.occurred_at
    drop_oldest(asked, ASKED_MAX)


def answer(
    customer: CustomerState,
    event: SurveyAnswer,
    attribution: Attribution,
    known: Answer | None,
    stated: Answer,
    effects: Effects,
) -> None:
    """Begin what an answer is the cause of, and withdraw what it is no cause of any more.

    Args:
        known: what the statement before said, None without one.
        stated: the answer as it holds now; it is told what it is the cause of.
    """
    reason, was = reason_of(stated), "" if known is None else known.follow_up_id
    is_other = known is None or reason_of(known) != reason
    if is_other and was:
        _withdraw(customer, was, effects)
    # Now, as the shift detector may begin another in the place of one that waits for this experience.
    _meet(customer, event, stated.experience, effects)
    if not is_other:
        stated.follow_up_id = was
    elif reason is not None:
        cause = Cause(event.event_id, stated.experience, event.response_id, event.about or "")
        stated.follow_up_id = _begin(customer, reason, attribution, cause, effects)


def abandoned_call(
    customer: CustomerState, event: SupportCall, attribution: Attribution, experience: int | None, effects: Effects
) -> None:
    """Begin to wait whether somebody talks with a customer who has given up a call."""
    _meet(customer, event, experience, effects)
    cause = Cause(event.event_id, experience, event.call_id, event.topic or "")
    _begin(customer, "abandoned_call", attribution, cause, effects)


def worse(customer: CustomerState, onset: Attribution, event_id: str, mean: int, effects: Effects) -> None:
    """Begin the follow-up of a shift for the worse; its deadlines count from when it was detected.

    Args:
        onset: of the touchpoint where the shift began, `event_id`.
        mean: experience since then, units of 1 / SCALE.
    """
    # What is copied is another touchpoint's: it is not in the bytes of this one.
    customer.most_bytes += len(msgspec.msgpack.encode(onset))
    _begin(customer, "worse", onset, Cause(event_id, mean), effects)


def place_order(customer: CustomerState, effects: Effects) -> None:
    """Settle what is under way by an order: the customer has come back."""
    follow_ups = customer.follow_ups
    if follow_ups is not None:
        for reason, one in list(follow_ups.running.items()):
            if effects.now > one.happened_at and not one.closed_at:
                _settle(follow_ups, reason, one, effects)


# -- causes ------------------------------------------------------------------------------------------------------------


def _begin(
    customer: CustomerState,
    reason: Reason,
    attribution: Attribution,
    cause: Cause,
    effects: Effects,
) -> str:
    """Count a cause: in the follow-up of its reason that is under way, or in a new one; return its id, "" for none."""
    rules = effects.rules.follow_ups
    deadlines, at = rules.reasons[reason], effects.now
    if not deadlines.enabled:
        return ""
    follow_ups = kept_of(customer)
    known = follow_ups.running.get(reason)
    if known is not None and not known.closed_at:
        known.causes += 1
        change(reason, known, effects)
        return known.follow_up_id
    if reason == "thank_you":
        if follow_ups.thanked_at and at < follow_ups.thanked_at + rules.ask_ms:
            return ""
        follow_ups.thanked_at = at
    due_at = at + deadlines.due_ms
    one = FollowUp(
        attribution=attribution,
        follow_up_id=_id_of(reason, attribution.stated_key or effects.customer_id, cause.event_id),
        event_id=cause.event_id,
        happened_at=at,
        warns_at=due_at - deadlines.warn_hours * HOUR_MS if deadlines.warn_hours else 0,
        due_at=due_at,
        settle_due_at=at + deadlines.settle_ms if deadlines.settle_ms else 0,
        deadline=at + deadlines.opens_after_ms,
        subject_id=cause.subject_id,
        topic=cause.topic,
        lang=cause.lang,
        experience_before=cause.experience,
        # A thank-you is no ask here: between two of them is more time than is looked back.
        may_ask=reason == "thank_you" and _asks(follow_ups, at - rules.ask_ms) < rules.asks,
    )
    follow_ups.running[reason] = one
    if one.deadline == at:
        _open(customer, reason, one, effects)
    return one.follow_up_id


def _id_of(reason: Reason, stated_key: str, event_id: str) -> str:
    """Return a follow-up's id: of whom its cause states, as event ids are a customer's, so an owner's is the same."""
    return _digest(f"{reason} {len(stated_key)} {stated_key} {event_id}", 16)


def _asks(follow_ups: CustomerFollowUps, after: int) -> int:
    """Return how often a customer was asked since a time, ms."""
    return sum(at > after for at in follow_ups.asked.values())


def _withdraw(customer: CustomerState, follow_up_id: str, effects: Effects) -> None:
    """Take a cause back; the follow-up ends with the last of them."""
    follow_ups = kept_of(customer)
    for reason, one in list(follow_ups.running.items()):
        if one.follow_up_id == follow_up_id and not one.closed_at:
            one.causes -= 1
            if one.causes:
                change(reason, one, effects)
            else:
                _end(follow_ups, reason, one, "withdrawn", effects)


def kept_of(customer: CustomerState) -> CustomerFollowUps:
    """Return a customer's follow-ups, to be changed."""
    if customer.follow_ups is None:
        customer.follow_ups = CustomerFollowUps()
    return customer.follow_ups


def _digest(name: str, size: int) -> str:
    return blake2b(name.encode(), digest_size=size).hexdigest()


# -- what becomes of them ----------------------------------------------------------------------------------------------


def _open(customer: CustomerState, reason: str, one: FollowUp, effects: Effects) -> None:
    one.opened_at = effects.now
    one.value_minor, one.currency = customer.spend.get(customer.currency, 0), customer.currency
    rules, channel = effects.rules.follow_ups, one.attribution.channel
    one.owner = rules.owner_of(reason, one.topic, one.lang, one.value_minor, channel)
    _become(reason, one, "open", effects)


def _pass_deadline(
    customer: CustomerState, follow_ups: CustomerFollowUps, reason: str, one: FollowUp, effects: Effects
) -> None:
    if not one.opened_at:
        _open(customer, reason, one, effects)
    elif _is_over(one, effects.now):
        _end(follow_ups, reason, one, "expired", effects)
    elif one.warns_at and not one.warned_at:
        one.warned_at = effects.now
        _become(reason, one, "warning", effects)
    else:
        one.missed_at = one.due_at
        _become(reason, one, "missed", effects)


def _become(reason: str, one: FollowUp, status: FollowUpStatus, effects: Effects) -> None:
    """Let a follow-up have another status, and the deadline that follows from it."""
    one.status = status
    one.deadline = one.happened_at + EXPIRES_MS
    if one.closed_at:
        one.deadline = 0
    elif not one.contacted_at and not one.missed_at:
        # Whoever gets to the customer at the last moment is in time.
        one.deadline = one.due_at + 1
        if one.warns_at and not one.warned_at:
            one.deadline = max(one.warns_at, one.opened_at)
    change(reason, one, effects)


def change(reason: str, one: FollowUp, effects: Effects) -> None:
    """Put the row of a follow-up that has changed among the effects."""
    one.changed_at = effects.now
    put_row(reason, one, effects)


def _is_over(one: FollowUp, now: int) -> bool:
    return now >= one.happened_at + EXPIRES_MS


def _meet(customer: CustomerState, touchpoint: Touchpoint, experience: int | None, effects: Effects) -> None:
    """Let what is under way meet a touchpoint; once more changes nothing."""
    if customer.follow_ups is not None and customer.follow_ups.running:
        _follow(customer.follow_ups, touchpoint, experience, effects)


def _follow(follow_ups: CustomerFollowUps, touchpoint: Touchpoint, experience: int | None, effects: Effects) -> None:
    """Take down a contact with the customer, what the customer feels, and what settles."""
    contacts = is_contact(touchpoint)
    felt = None if is_the_business(touchpoint) else experience
    ends = settles(touchpoint, felt)
    if not contacts and felt is None and not ends:
        return
    for reason, one in list(follow_ups.running.items()):
        if effects.now <= one.happened_at:
            continue
        if one.closed_at and _is_over(one, effects.now):
            del follow_ups.running[reason]
            continue
        if felt is not None:
            _feel(follow_ups, reason, one, felt, effects)
        if contacts and not one.closed_at and not one.contacted_at:
            _contact(follow_ups, reason, one, effects)
        if ends and not one.closed_at:
            _settle(follow_ups, reason, one, effects)


def _feel(follow_ups: CustomerFollowUps, reason: str, one: FollowUp, felt: int, effects: Effects) -> None:
    """Keep the customer's first experience since the follow-up was opened, or since the contact."""
    if one.experience_after is not None or not one.opened_at:
        return
    one.experience_after = felt
    if one.contacted_at or one.closed_at:
        change(reason, one, effects)
    if one.closed_at:
        del follow_ups.running[reason]


def _contact(follow_ups: CustomerFollowUps, reason: str, one: FollowUp, effects: Effects) -> None:
    one.contacted_at, one.experience_after = effects.now, None
    if not one.opened_at or reason in SETTLED_BY_CONTACT:
        _end(follow_ups, reason, one, "settled", effects)
    else:
        _become(reason, one, "contacted", effects)


def _settle(follow_ups: CustomerFollowUps, reason: str, one: FollowUp, effects: Effects) -> None:
    """End a follow-up as the customer is well again; to thank somebody is not done by that."""
    if reason != "thank_you":
        _end(follow_ups, reason, one, "settled", effects)


def _end(follow_ups: CustomerFollowUps, reason: str, one: FollowUp, status: FollowUpStatus, effects: Effects) -> None:
    """Close a follow-up; a settled one is kept until the customer's next experience is known."""
    if reason == "thank_you" and (status == "withdrawn" or not one.opened_at):
        follow_ups.thanked_at = 0
    one.closed_at = effects.now
    if not one.opened_at:
        del follow_ups.running[reason]
        return
    _become(reason, one, status, effects)
    if status != "settled" or one.experience_after is not None:
        del follow_ups.running[reason]
