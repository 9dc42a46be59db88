"""Checks of settings and connections: each says what it found, and how to fix what is wrong."""

from __future__ import annotations

import asyncio
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from aiokafka.errors import KafkaError

from schemas.avro.registry import ConfluentRegistry, FileRegistry
from schemas.avro.registry_client import RegistryUnavailableError
from streams.agents.pseudonym_key import PseudonymKeyError, check_key_of_command
from streams.identity.pseudonyms import key_id_of
from streams.settings import Settings, SettingsError, mask
from touchline.calendars import configured_calendars
from touchline.collect.capacity import check_bounds
from touchline.collect.keys import load_keys
from touchline.doctor.check import Check
from touchline.doctor.clickhouse import check_clickhouse
from touchline.doctor.kafka import check_kafka
from touchline.doctor.probe import Endpoint, obstacle
from touchline.errors import CommandError, explain
from touchline.notify.errors import TargetsError
from touchline.notify.run import load_targets
from touchline.surveys import configured_surveys
from touchline.topic_states import TopicStates, topic_states

ANSWER_S = 2.0
SAMPLE_TEXT = "Great service, thank you so much!"


def run_checks(settings: Settings) -> Iterator[Check]:
    """Yield the checks in order; none of them changes anything."""
    answers = False
    for check in check_kafka(settings):
        answers = check.ok
        yield check
    if answers:
        topics = _topics(settings)
        yield from topics
        if all(check.ok for check in topics):  # what is not there cannot be read
            yield _pseudonyms(settings)
    yield check_clickhouse(settings.clickhouse)
    yield _registry(settings)
    yield _port("worker metrics", settings.metrics_host, settings.metrics_port, "METRICS_PORT")
    yield _port("sink metrics", settings.metrics_host, settings.sink_metrics_port, "SINK_METRICS_PORT")
    yield _collector(settings)
    yield _notify(settings)
    yield _files(settings)
    yield _topics_of_texts(settings)
    yield _scorer(settings)


def _collector(settings: Settings) -> Check:
    """Return whether `touchline collect` would start with these settings."""
    try:
        check_bounds(settings)
        keys = load_keys(settings)
    except SettingsError as error:
        return Check("collect", False, str(error))
    if not keys:
        return Check("collect", True, "no API keys: it would take requests from this machine alone")
    return Check("collect", True, f"API keys of {', '.join(keys.names)}")


def _notify(settings: Settings) -> Check:
    """Return whether `touchline notify` would start with these settings, and with this environment."""
    if not settings.notify:
        return Check("notify", True, "no targets: signals are delivered to nobody")
    try:
        aims = load_targets(settings)
    except TargetsError as error:
        return Check("notify", False, str(error))
    return Check("notify", True, f"targets {', '.join(aim.target.name for aim in aims)}")


def _files(settings: Settings) -> Check:
    """Return whether `touchline migrate` would take the files of business hours and questionnaires."""
    try:
        calendars, surveys = configured_calendars(settings), configured_surveys(settings)
    except CommandError as error:
        return Check("files", False, str(error))
    names = [f"calendar {calendar.name}" for calendar in calendars] + [f"survey {survey.id}" for survey in surveys]
    return Check("files", True, ", ".join(names) or "neither business hours nor questionnaires of your own")


def _topics_of_texts(settings: Settings) -> Check:
    """Return by what a worker that starts now finds what texts are about, and how old the model is."""
    name = "topics of texts"
    try:
        lists, model = settings.topic_lists(), settings.learned_topics()
        said = f"{lists.name}, {len(lists.topics)} topics"
        if model is None:
            return Check(name, True, f"{said}; no model beside them")
        written = datetime.fromtimestamp(Path(settings.topic_model).stat().st_mtime, UTC)
    except (OSError, ValueError) as error:
        return Check(name, False, str(error))
    made_of = f", made of {', '.join(model.learned_from)}" if model.learned_from else ""
    at = f"{written:%Y-%m-%d %H:%M} UTC"
    return Check(name, True, f"{said}; beside them {model.name}, {len(model.topics)} topics, written {at}{made_of}")


def _topics(settings: Settings) -> list[Check]:
    try:
        states = asyncio.run(topic_states(settings))
    except KafkaError as error:
        return [Check("topics", False, explain(error) or str(error))]
    if states.advice:
        return [Check("topics", False, advice) for advice in states.advice]
    return [
        Check(
            "topics",
            True,
            f"all {len(states.topics)}, {settings.partitions} partitions each{_others(settings, states)}",
        )
    ]


def _pseudonyms(settings: Settings) -> Check:
    """Return whether the key of pseudonyms is the one by which workers replaced identifiers last."""
    key, _ = settings.pseudonym_keys()
    try:
        asyncio.run(check_key_of_command(settings))
    except (PseudonymKeyError, KafkaError) as error:
        return Check("pseudonyms", False, explain(error) or str(error))
    if key is None:
        return Check("pseudonyms", True, "no key: identifiers are readable")
    return Check("pseudonyms", True, f"the key with id {key_id_of(key)}; workers have no other")


def _others(settings: Settings, states: TopicStates) -> str:
    """Return what to add of inputs with another number of partitions."""
    inputs = [one.partitions for one in states.topics if one.name in settings.inputs]
    others = sorted({count for count in inputs if count not in (None, settings.partitions)})
    return f"; inputs have {' or '.join(map(str, others))} too" if others else ""


def _registry(settings: Settings) -> Check:
    what = "schema registry"
    if settings.schema_registry is None:
        return Check(what, True, "none is set; Avro single-object encoding needs none")
    shown = mask(settings.schema_registry)
    try:
        ConfluentRegistry(settings.schema_registry, FileRegistry()).probe()
    except (RegistryUnavailableError, ValueError) as error:
        return Check(what, False, _registry_fault(settings.schema_registry, mask(str(error))))
    return Check(what, True, f"answers at {shown}")


def _registry_fault(url: str, detail: str) -> str:
    """Return why a registry gives no usable answer, and what to do."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    setting = "TOUCHLINE_SCHEMA_REGISTRY"
    fault = obstacle(
        Endpoint(
            host=parts.hostname or "",
            port=parts.port or (443 if secure else 80),
            tls=ssl.create_default_context() if secure else None,
            address=setting,
            trust="SSL_CERT_FILE",
            use_tls=f"write https:// in {setting}",
            use_none=f"write http:// in {setting}",
        )
    )
    return f"{detail}; look at {setting}" if fault is None else f"{fault.what}: {fault.advice}"


def _port(what: str, host: str, port: int, setting: str) -> Check:
    if port == 0:
        return Check(what, True, "any free port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if _is_ours(host, port):
                return Check(what, True, f"served on {host}:{port} by a running touchline")
            advice = f"choose another: TOUCHLINE_{setting}, TOUCHLINE_METRICS_HOST"
            return Check(what, False, f"{host}:{port}: {error.strerror}; {advice}")
    return Check(what, True, f"{host}:{port} is free")


def _is_ours(host: str, port: int) -> bool:
    shown = f"[{host}]" if ":" in host else host
    try:
        # The scheme is fixed: http.
        with urllib.request.urlopen(f"http://{shown}:{port}/metrics", timeout=ANSWER_S) as answer:
            return b"touchline_" in answer.read()
    except (OSError, ValueError):
        return False


def _scorer(settings: Settings) -> Check:
    """Return by what a worker that starts now scores texts, and whether that finds praise."""
    try:
        scorer, model = settings.scorer_for(settings.company_names), settings.learned_sentiment()
    except ValueError as error:
        return Check("scorer", False, str(error))
    score = scorer.score(SAMPLE_TEXT)
    if score is None or score <= 0:
        return Check(
            "scorer", False, f"{scorer.name} finds no praise in {SAMPLE_TEXT!r}: reinstall it, or train it anew"
        )
    made_of = f", made of {', '.join(model.learned_from)}" if model is not None and model.learned_from else ""
    return Check("scorer", True, f"{scorer.name}{made_of}")
