"""The settings: every `TOUCHLINE_*` variable, read once at the start and never changed."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from schemas.follow_ups import FollowUpRules, read_follow_ups
from schemas.inputs import InputTopics, input_topics
from schemas.kinds.kind import SubjectKind
from schemas.subjects import SUBJECT_KINDS
from sinks.open import SCHEMES
from streams.identity.patterns import PatternError, Patterns
from streams.identity.phones import REGIONS
from streams.settings.collect import CollectSettings
from streams.settings.files import FileError, read_file
from streams.settings.notify import NotifySettings
from streams.settings.page import PageSettings
from streams.settings.pseudonyms import PseudonymSettings
from streams.settings.sentiment import SentimentSettings
from streams.settings.topics import TopicSettings
from streams.settings.urls import MASK, check_server, mask, parts_of
from streams.settings.views import ViewSettings

PREFIX = "TOUCHLINE_"
REGISTRY_SCHEMES = ("http", "https")
ROLES = ("streams", "sink")
"""The consumer groups' roles: of the workers and of the sinks."""
_GROUP = "touchline-"


class Settings(
    ViewSettings,
    SentimentSettings,
    TopicSettings,
    PseudonymSettings,
    CollectSettings,
    NotifySettings,
    PageSettings,
):
    """All settings. Environment variable = `TOUCHLINE_` + the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    _follow_up_rules: FollowUpRules = PrivateAttr(default_factory=FollowUpRules)

    kafka: str = Field(default="127.0.0.1:9092", description="Kafka brokers to start from: host:port, …")
    kafka_security: Literal["none", "ssl", "sasl_plain", "sasl_ssl"] = Field(
        default="none", description="protocol to Kafka: none, ssl, sasl_plain (no TLS) or sasl_ssl"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="PLAIN", description="SASL mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    kafka_user: str | None = Field(default=None, description="user name for SASL")
    kafka_password: SecretStr | None = Field(default=None, description="password for SASL")
    kafka_cafile: str | None = Field(
        default=None, description="file with the certificates to trust for TLS (default: the system's)"
    )
    clickhouse: str = Field(
        default="clickhouse://default@127.0.0.1:9000/touchline",
        description="where the tables are: clickhouse://user:password@host:9000/touchline "
        "(clickhouses:// for TLS) or chdb:///path",
    )
    clickhouse_cluster: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_-]{0,63})?$")] = Field(
        default="",
        description="name of the ClickHouse cluster over whose servers `touchline migrate` spreads the tables "
        "(default: one server; [many servers](#a-clickhouse-of-many-servers))",
    )
    schema_registry: str | None = Field(
        default=None, description="URL of a Confluent schema registry, if producers use its framing"
    )
    schema_wait_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0,
        description="most seconds that an input partition waits for a schema of the registry; then its messages are "
        "refused",
    )
    topics: str = Field(
        default="",
        description="topics that kinds come from instead of the contract's: kind=topic+topic, …; *=topic for all "
        "kinds, told by each message ([input topics](#input-topics))",
    )
    partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=4,
        description="partitions of the journeys log and of all of touchline's own topics, not of the inputs; once they "
        "hold data, raise it with `touchline rebuild` alone",
    )
    replication: Annotated[int, Field(ge=1, le=15)] = Field(
        default=1, description="replicas of every topic that `touchline topics --create` makes"
    )
    epoch: Annotated[int, Field(ge=0, lt=1 << 14)] = Field(
        default=0, description="raise by one after topics were recreated by hand, so that new rows win over old"
    )
    group_suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = Field(
        default="", description="added to the consumer groups' names; a new one reads everything again"
    )
    timer_delay_s: Annotated[int, Field(ge=0)] = Field(
        default=300, description="seconds of event time a timer waits for touchpoints out of order"
    )
    allowed_lateness_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=3, description="days of event time duplicates are remembered and buckets kept open"
    )
    idle_s: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="seconds after which a silent, fully read input no longer holds time back"
    )
    tick_s: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="seconds between watermarks written to the journeys log"
    )
    metric_dimensions: str = Field(
        default="", description="attributes to break metrics down by: a comma list, or * for all (default: none)"
    )
    metric_values: Annotated[int, Field(ge=1)] = Field(
        default=1_000, description="values of a dimension, a day and partition, with buckets of their own"
    )
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = Field(
        default="", description="the business's own currency (ISO 4217): money in others is kept apart from its sums"
    )
    time_zone: str = Field(
        default="UTC",
        description="the business's time zone (IANA, as Europe/Berlin), in which its days, weeks and months begin; "
        "`touchline migrate` puts it into the views",
    )
    calendars: str = Field(
        default="",
        description="file (TOML) of the business hours by which cases are measured, too "
        "([calendars](metrics.md#business-hours)); `touchline migrate` stores them for the views",
    )
    surveys: str = Field(
        default="",
        description="questionnaires of your own (TOML): a comma list of files and of folders that hold some "
        "([questionnaires](metrics.md#questionnaires-of-your-own)); `touchline migrate` stores them for the views",
    )
    follow_ups: str = Field(
        default="",
        description="file (TOML) that says for which reasons somebody has to get back to a customer, by when, and who "
        "([follow-ups](metrics.md#follow-ups)); the workers read it when they start",
    )
    order_source: str = Field(
        default="", description="source whose statements of an order hold against those of others, if any"
    )
    companies: str = Field(
        default="", description="names that do not count when a text is scored, as a comma list: yours, your rivals'"
    )
    phone_region: str = Field(
        default="",
        description="region whose national phone numbers are understood (ISO 3166, as GB); by default only numbers "
        "with + or 00 are compared by the numbering plan",
    )
    placeholders: str = Field(
        default="",
        description="values that identify nobody, as regular expressions (RE2) of whole values in any case, separated "
        "by commas or line ends, beside those that the contract lists",
    )
    subjects: str = Field(
        default="case,call,post",
        description="what tells whose a touchpoint is that states nobody: a comma list of case, call, post, order and "
        "cart; empty for nothing: then it is refused ([subjects](identity.md#subjects))",
    )
    identity_window_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        default=30, description="days before a login, or another link, from which a visitor's touchpoints are theirs"
    )
    profile_retention_days: Annotated[int, Field(ge=31, le=36_500)] = Field(
        default=90,
        description="days of silence after which an anonymous profile without an open case is over: its state is "
        "forgotten, its rows stay, and a later touchpoint begins a new one",
    )
    max_consecutive_refusals: Annotated[int, Field(ge=1)] = Field(
        default=1000, description="refused messages in a row after which an input partition is paused"
    )
    pause_s: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="seconds of a first such pause; each further one is twice as long, up to an hour"
    )
    pause_hold_s: Annotated[float, Field(ge=0)] = Field(
        default=3600.0, description="most seconds for which a paused input partition holds time back"
    )
    batch_rows: Annotated[int, Field(ge=1)] = Field(
        default=50_000, description="rows that make the sink write a block at once"
    )
    batch_s: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="seconds after which the sink writes a block that is not full"
    )
    reconcile_s: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="seconds, at least, between two checks that no row is missing in ClickHouse"
    )
    retention_days: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="days rows are kept in ClickHouse (default: for ever)"
    )
    chunk_records: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=2000, description="most records in one chunk of a partition"
    )
    chunk_bytes: Annotated[int, Field(ge=1024)] = Field(
        default=1 << 20, description="most bytes fetched at once, of one partition"
    )
    max_batch_bytes: Annotated[int, Field(ge=16 << 20, le=1 << 30)] = Field(
        default=32 << 20,
        description="most bytes that a compressed batch of messages may inflate to; the messages of a larger one are "
        "refused",
    )
    fetch_wait_ms: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="ms a broker may hold a fetch while it has nothing new"
    )
    session_timeout_s: Annotated[float, Field(ge=1, le=300)] = Field(
        default=30.0, description="seconds without a heartbeat after which a worker's partitions go to others"
    )
    metrics_host: str = Field(default="127.0.0.1", description="address Prometheus metrics are served on")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=9464, description="port of the workers' metrics"
    )
    sink_metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=9465, description="port of the sink's metrics"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal, else json"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="least level that is logged: DEBUG, INFO, WARNING or ERROR"
    )

    @field_validator("kafka")
    @classmethod
    def _check_kafka(cls, value: str) -> str:
        for server in value.split(","):
            host, colon, port = server.strip().rpartition(":")
            if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError(f"{server.strip()!r} is not host:port")
        return value

    @field_validator("clickhouse")
    @classmethod
    def _check_clickhouse(cls, value: str) -> str:
        url = parts_of(value)
        if url.scheme not in SCHEMES:
            raise ValueError("it should look like clickhouse://user:password@host:9000/touchline or chdb:///path")
        if url.scheme == "chdb" and not url.path.strip("/"):
            raise ValueError("a chdb URL names a directory: chdb:///var/lib/touchline")
        if url.scheme.startswith("clickhouse"):
            check_server(url, "clickhouse://user:password@host:9000/touchline")
        return value

    @field_validator("schema_registry")
    @classmethod
    def _check_registry(cls, value: str | None) -> str | None:
        if value is not None:
            url = parts_of(value)
            if url.scheme not in REGISTRY_SCHEMES:
                raise ValueError("it should look like https://user:password@host:8081")
            check_server(url, "https://user:password@host:8081")
        return value

    @field_validator("topics")
    @classmethod
    def _check_topics(cls, value: str) -> str:
        input_topics(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, value: str) -> str:
        if value != "UTC" and value not in (known := available_timezones()):
            near = difflib.get_close_matches(value, sorted(known), n=1, cutoff=0.0)
            advice = f"; did you mean {near[0]}?" if near else ": this machine has no database of time zones (tzdata)"
            raise ValueError(f"{value!r} is no time zone of the IANA database{advice}")
        return value

    @field_validator("follow_ups")
    @classmethod
    def _check_follow_ups(cls, value: str) -> str:
        _rules_in(value)
        return value

    @field_validator("phone_region")
    @classmethod
    def _check_phone_region(cls, value: str) -> str:
        region = value.strip().upper()
        if region and region not in REGIONS:
            raise ValueError(f"{value!r} is no region with a numbering plan: write its code of ISO 3166, as GB or DE")
        return region

    @field_validator("placeholders")
    @classmethod
    def _check_placeholders(cls, value: str) -> str:
        try:
            Patterns(value)
        except PatternError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("subjects")
    @classmethod
    def _check_subjects(cls, value: str) -> str:
        if unknown := sorted(set(_listed(value)) - set(SUBJECT_KINDS)):
            raise ValueError(f"{unknown[0]!r} is no subject: {', '.join(SUBJECT_KINDS)} are")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_sasl(self) -> Settings:
        if self.kafka_security.startswith("sasl") and not (self.kafka_user and self.kafka_password):
            raise ValueError(
                f"kafka_security={self.kafka_security} needs {PREFIX}KAFKA_USER and {PREFIX}KAFKA_PASSWORD"
            )
        return self

    @model_validator(mode="after")
    def _check_cluster(self) -> Settings:
        if self.clickhouse_cluster and not self.clickhouse.startswith("clickhouse"):
            raise ValueError(
                f"clickhouse_cluster={self.clickhouse_cluster} needs a server in {PREFIX}CLICKHOUSE: the embedded "
                "database has no cluster"
            )
        return self

    def model_post_init(self, _context: object) -> None:
        """Read the file of follow-ups once: all partitions of a process go by the same rules."""
        self._follow_up_rules = _rules_in(self.follow_ups)

    @property
    def follow_up_rules(self) -> FollowUpRules:
        """For which reasons somebody has to get back to a customer, by when, and who."""
        return self._follow_up_rules

    @property
    def inputs(self) -> InputTopics:
        """The input topics, and the kinds that they carry."""
        return input_topics(self.topics)

    @property
    def subject_kinds(self) -> tuple[SubjectKind, ...]:
        """The subjects whose owners are looked for."""
        named = _listed(self.subjects)
        return tuple(kind for kind in SUBJECT_KINDS if kind in named)

    @property
    def moved_days(self) -> int:
        """How many days before a link a touchpoint may have happened and still be moved to its owner's journeys.

        Touchpoints, and what they count in, are kept for so long beyond the allowed lateness.
        """
        return min(self.identity_window_days, self.allowed_lateness_days)

    @property
    def dimensions(self) -> frozenset[str] | None:
        """The attributes metrics are broken down by; None for all of them."""
        if self.metric_dimensions.strip() == "*":
            return None
        return frozenset(_listed(self.metric_dimensions))

    @property
    def survey_paths(self) -> list[str]:
        """The files and folders of questionnaires."""
        return _listed(self.surveys)

    @property
    def company_names(self) -> list[str]:
        """The names that do not count when a text is scored."""
        return _listed(self.companies)

    @property
    def placeholder_patterns(self) -> Patterns:
        """The patterns of values that identify nobody."""
        return Patterns(self.placeholders)

    def group(self, role: str) -> str:
        """Return the consumer group's name of a role (`streams`, `sink`, `notify`)."""
        return f"{_GROUP}{role}{self.group_suffix}"

    def shown(self) -> dict[str, Any]:
        """Return every setting's value as it may be logged: passwords masked."""
        values: dict[str, Any] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = MASK
            values[name] = mask(value) if isinstance(value, str) else value
        return values

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return list(self.shown().items())


def is_group(name: str) -> bool:
    """Return whether a consumer group is one of workers or sinks, whatever its suffix."""
    return name.startswith(tuple(_GROUP + role for role in ROLES))


def _rules_in(file: str) -> FollowUpRules:
    """Return the follow-ups' settings in a file, the usual ones without one."""
    if not file:
        return FollowUpRules()
    try:
        return read_file(file, read_follow_ups)
    except FileError as error:
        raise ValueError(str(error)) from None


def _listed(names: str) -> list[str]:
    """Return the names of a comma list, without the empty ones."""
    return [name for part in names.split(",") if (name := part.strip())]
