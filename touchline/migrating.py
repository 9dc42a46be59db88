"""Brings tables to what this release and the settings ask for, with the files that the settings name."""

from __future__ import annotations

from schemas.contact_costs import read_contact_costs
from schemas.loyalty import read_loyalty
from sinks.database import Database
from sinks.migrate import Declared, migrate
from streams.settings import Settings
from touchline.calendars import configured_calendars
from touchline.surveys import configured_surveys


def migrate_as_configured(database: Database, settings: Settings) -> list[str]:
    """Create the tables and views, or bring them up to date; return the names of the migrations that were applied.

    Raises:
        CommandError: a file that the settings name cannot be read, or does not hold.
        MigrationError, TransientWriteError, PermanentWriteError: as `sinks.migrate.migrate`.
    """
    return migrate(
        database,
        settings.retention_days,
        currency=settings.currency,
        time_zone=settings.time_zone,
        inputs=settings.inputs,
        declared=Declared(
            configured_calendars(settings),
            configured_surveys(settings),
            settings.metric_targets,
            read_loyalty(settings.loyalty),
            settings.baseline,
            settings.metric_dimensions,
            read_contact_costs(settings.contact_costs),
        ),
        cluster=settings.clickhouse_cluster,
    )
