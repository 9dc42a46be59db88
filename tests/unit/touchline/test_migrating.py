"""What a business declares in settings and files reaches the tables, whichever command brings them up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinks.database import select
from sinks.migrate import migrate
from streams.settings import Settings
from tests.contract.engine import Engine
from touchline.errors import CommandError
from touchline.migrating import migrate_as_configured

pytestmark = pytest.mark.embedded

CALENDAR = '[[calendar]]\nname = "support"\ntime_zone = "UTC"\nhours.monday = ["09:00-17:00"]\n'
QUESTION = '[[question]]\nid = "why"\nkind = "text"\ntext = "Why?"\n'
SURVEY = f'id = "own"\ntitle = "T"\n{QUESTION}'


def test_the_files_and_settings_are_stored(chdb: Engine, tmp_path: Path) -> None:
    (tmp_path / "hours.toml").write_text(CALENDAR)
    (tmp_path / "own.toml").write_text(SURVEY)
    settings = Settings(
        calendars=str(tmp_path / "hours.toml"),
        surveys=str(tmp_path / "own.toml"),
        targets="promises_kept=0.9",
        currency="EUR",
        time_zone="Asia/Kolkata",
    )
    migrate_as_configured(chdb, settings)
    try:
        assert select(chdb, "SELECT DISTINCT calendar FROM business_hours") == [["support"]]
        assert select(chdb, "SELECT text FROM survey_questions WHERE survey_id = 'own'") == [["Why?"]]
        assert ["promises_kept", 0.9] in select(chdb, "SELECT metric, target FROM targets")
        assert select(chdb, "SELECT currency FROM own_currency") == [["EUR"]]
        assert select(chdb, "SELECT time_zone FROM own_time_zone") == [["Asia/Kolkata"]]
    finally:
        migrate(chdb)


def test_a_file_that_does_not_hold_changes_nothing(chdb: Engine, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SURVEY + QUESTION)
    before, targets = select(chdb, "SELECT * FROM survey_questions ORDER BY ALL"), select(chdb, "SELECT * FROM targets")

    with pytest.raises(CommandError, match="there are two of this name"):
        migrate_as_configured(chdb, Settings(surveys=str(tmp_path / "own.toml"), targets="promises_kept=0.9"))

    assert select(chdb, "SELECT * FROM survey_questions ORDER BY ALL") == before
    assert select(chdb, "SELECT * FROM targets") == targets
