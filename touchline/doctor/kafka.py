"""Checks Kafka: its settings, each broker that they name, and each broker that those name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.kafka.client import BrokerError, client_options
from streams.kafka.greeting import Greeting, Server, greet, servers_of
from streams.kafka.release import check_greeting
from streams.settings import Settings
from touchline.doctor.check import Check, Fault, problems
from touchline.doctor.probe import Endpoint, obstacle

NAME = "Kafka"


def check_kafka(settings: Settings) -> Iterator[Check]:
    """Yield what is wrong with the way to Kafka, and then whether it answers, if any broker does."""
    yield from problems(NAME, idle_settings(settings))
    try:
        client_options(settings)
    except BrokerError as error:
        yield Check(NAME, False, str(error))
        return
    greetings: dict[Server, Greeting] = {}
    faults = []
    for server in servers_of(settings):
        found = _greet(settings, server)
        if isinstance(found, Greeting):
            greetings[server] = found
        else:
            faults.append(found)
    yield from problems(NAME, [*faults, *_advertised(settings, greetings)])
    for greeting in greetings.values():
        yield _answers(settings, greeting)
        return


def idle_settings(settings: Settings) -> Iterator[Fault]:
    """Yield what is set and has no effect: who set it expects more security than there is."""
    security = settings.kafka_security
    secrets = {"USER": settings.kafka_user, "PASSWORD": settings.kafka_password}
    unused = [f"TOUCHLINE_KAFKA_{name}" for name, value in secrets.items() if value]
    if unused and not security.startswith("sasl"):
        other = "sasl_ssl" if security == "ssl" else "sasl_ssl or sasl_plain"
        what = f"{' and '.join(unused)} {'is' if len(unused) == 1 else 'are'} not sent"
        yield Fault(f"{what} with TOUCHLINE_KAFKA_SECURITY={security}", f"set that to {other}, or leave out the login")
    if settings.kafka_cafile and not security.endswith("ssl"):
        other = "sasl_ssl" if security == "sasl_plain" else "ssl or sasl_ssl"
        yield Fault(
            f"TOUCHLINE_KAFKA_CAFILE has no effect with TOUCHLINE_KAFKA_SECURITY={security}, which is without TLS",
            f"set that to {other}, or leave out the file",
        )


def _greet(settings: Settings, server: Server) -> Greeting | Fault:
    """Return a broker's greeting, or why there is none."""
    try:
        return asyncio.run(greet(server, client_options(settings)))
    except (SaslAuthenticationFailed, IllegalSaslStateError, UnsupportedSaslMechanismError) as error:
        return _login(settings, server, error)
    except (KafkaError, OSError, TimeoutError) as error:
        return obstacle(_endpoint(settings, server, "TOUCHLINE_KAFKA")) or _silence(settings, server, error)


def _login(settings: Settings, server: Server, error: KafkaError) -> Fault:
    if isinstance(error, SaslAuthenticationFailed):
        advice = "look at TOUCHLINE_KAFKA_USER, TOUCHLINE_KAFKA_PASSWORD and TOUCHLINE_KAFKA_SASL_MECHANISM"
        return Fault(f"{server} refuses the login of {settings.kafka_user}", advice)
    if isinstance(error, UnsupportedSaslMechanismError):
        what = f"{server} takes no login by {settings.kafka_sasl_mechanism}"
        return Fault(what, "set TOUCHLINE_KAFKA_SASL_MECHANISM to one that it takes")
    other = "ssl" if settings.kafka_security == "sasl_ssl" else "none"
    return Fault(f"{server} takes no login", f"set TOUCHLINE_KAFKA_SECURITY={other}")


def _silence(settings: Settings, server: Server, error: Exception) -> Fault:
    """Return what to do about a broker that is reached, and gives no answer."""
    if settings.kafka_security in ("none", "ssl"):
        other = "sasl_plain" if settings.kafka_security == "none" else "sasl_ssl"
        advice = (
            f"if it wants a login, set TOUCHLINE_KAFKA_SECURITY={other}, TOUCHLINE_KAFKA_USER and "
            "TOUCHLINE_KAFKA_PASSWORD; if it is no Kafka, look at TOUCHLINE_KAFKA"
        )
        return Fault(f"{server} ends the connection", advice)
    detail = " ".join(str(error).split()) or type(error).__name__
    return Fault(f"{server} gives no answer ({detail})", "look at TOUCHLINE_KAFKA and TOUCHLINE_KAFKA_SECURITY")


def _advertised(settings: Settings, greetings: Mapping[Server, Greeting]) -> Iterator[Fault]:
    """Yield which brokers are not to be reached where the cluster says that they are."""
    for broker in dict.fromkeys(broker for greeting in greetings.values() for broker in greeting.brokers):
        if broker in greetings:
            continue
        fault = obstacle(_endpoint(settings, broker, "advertised.listeners of the broker"))
        if fault is not None:
            yield Fault(f"Kafka sends us to its broker at {broker}, but {fault.what}", fault.advice)


def _endpoint(settings: Settings, server: Server, address: str) -> Endpoint:
    login = settings.kafka_security.startswith("sasl")
    return Endpoint(
        host=server.host,
        port=server.port,
        tls=client_options(settings).get("ssl_context"),
        address=address,
        trust="TOUCHLINE_KAFKA_CAFILE",
        use_tls=f"set TOUCHLINE_KAFKA_SECURITY={'sasl_ssl' if login else 'ssl, or sasl_ssl with a login'}",
        use_none=f"set TOUCHLINE_KAFKA_SECURITY={'sasl_plain' if login else 'none'}",
    )


def _answers(settings: Settings, greeting: Greeting) -> Check:
    try:
        check_greeting(greeting)
    except BrokerError as error:
        return Check(NAME, False, str(error))
    count = len(greeting.brokers)
    return Check(NAME, True, f"{count} {'broker answers' if count == 1 else 'brokers answer'} at {settings.kafka}")
