"""Checks of settings and connections: each says what it found, and how to fix what is wrong."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.avro.registry import RegistryUnavailableError, open_registry
from schemas.errors import UnknownSchemaError
from sinks.database import Database, select
from sinks.errors import QueryError, SinkError
from sinks.migrate import shipped
from sinks.open import open_database
from streams.kafka.client import BrokerError, client_options
from streams.sentiment import VaderScorer
from streams.settings import Settings, mask
from touchline.database import holds_database
from touchline.errors import clickhouse_message, explain
from touchline.topic_states import topic_states

ANSWER_S = 2.0
SAMPLE_TEXT = "Great service, thank you so much!"


@dataclass(frozen=True)
class Check:
    """What one check found. `text` says it, and how to fix it when it is not `ok`."""

    name: str
    ok: bool
    text: str


def run_checks(settings: Settings) -> Iterator[Check]:
    """Yield the checks in order; none of them changes anything."""
    kafka = _kafka(settings)
    yield kafka
    if kafka.ok:
        yield _topics(settings)
    yield _tables(settings)
    yield _registry(settings)
    yield _port("worker metrics", settings.metrics_host, settings.metrics_port, "METRICS_PORT")
    yield _port("sink metrics", settings.metrics_host, settings.sink_metrics_port, "SINK_METRICS_PORT")
    yield _scorer()


def _kafka(settings: Settings) -> Check:
    try:
        brokers = asyncio.run(_brokers(settings))
    except (KafkaError, BrokerError, OSError) as error:
        detail = " ".join(str(error).split())
        advice = "look at TOUCHLINE_KAFKA and TOUCHLINE_KAFKA_SECURITY"
        return Check("Kafka", False, f"{settings.kafka} does not answer: {detail}; {advice}")
    plural = "broker answers" if brokers == 1 else "brokers answer"
    return Check("Kafka", True, f"{brokers} {plural} at {settings.kafka}")


async def _brokers(settings: Settings) -> int:
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        return len((await admin.describe_cluster())["brokers"])
    finally:
        await admin.close()


def _topics(settings: Settings) -> Check:
    try:
        states = asyncio.run(topic_states(settings))
    except KafkaError as error:
        return Check("topics", False, explain(error) or str(error))
    wrong = [state for state in states if state.problem]
    if not wrong:
        return Check("topics", True, f"all {len(states)}, {settings.partitions} partitions each")
    if all(state.partitions is None for state in states):
        return Check("topics", False, "none is there: touchline topics --create")
    return Check("topics", False, "; ".join(f"{state.name} {state.problem}" for state in wrong))


def _tables(settings: Settings) -> Check:
    address = urlsplit(settings.clickhouse)
    shown = mask(settings.clickhouse)
    if address.scheme == "chdb" and not holds_database(Path(unquote(address.path))):
        return Check("ClickHouse", False, f"{shown} holds no database yet: touchline migrate")
    try:
        database = open_database(settings.clickhouse)
    except SinkError as error:
        return Check("ClickHouse", False, f"{shown}: {error}")
    try:
        database.ping()
        return _migrations(database, shown)
    except SinkError as error:
        return Check("ClickHouse", False, f"{shown}: {clickhouse_message(str(error))}")
    finally:
        database.close()


def _migrations(database: Database, shown: str) -> Check:
    wanted = [migration.name for migration in shipped()]
    try:
        applied = {row[0] for row in select(database, "SELECT name FROM touchline.migrations")}
        ((version,),) = select(database, "SELECT version()")
    except QueryError:
        return Check("ClickHouse", False, f"{shown} has no tables yet: touchline migrate")
    missing = [name for name in wanted if name not in applied]
    if missing:
        lacks = ", ".join(missing)
        return Check("ClickHouse", False, f"{shown} lacks {lacks}: touchline migrate")
    return Check("ClickHouse", True, f"{version} at {shown}, all {len(wanted)} migrations applied")


def _registry(settings: Settings) -> Check:
    what = "schema registry"
    if settings.schema_registry is None:
        return Check(what, True, "none is set; Avro single-object encoding needs none")
    shown = mask(settings.schema_registry)
    try:
        open_registry(settings.schema_registry).by_id(1)
    except UnknownSchemaError:
        pass
    except (RegistryUnavailableError, ValueError) as error:
        return Check(what, False, f"{mask(str(error))}; look at TOUCHLINE_SCHEMA_REGISTRY")
    return Check(what, True, f"answers at {shown}")


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


def _scorer() -> Check:
    scorer = VaderScorer()
    score = scorer.score(SAMPLE_TEXT)
    if score is None or score <= 0:
        return Check("scorer", False, f"{scorer.name} finds no praise in {SAMPLE_TEXT!r}: reinstall it")
    return Check("scorer", True, scorer.name)
