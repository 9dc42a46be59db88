"""Checks ClickHouse: the way to it, its release, its tables; and who has an embedded one open."""

from __future__ import annotations

import fcntl
import re
import ssl
import stat
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePath
from urllib.parse import parse_qsl, unquote, urlsplit

from sinks.database import Database, select
from sinks.errors import MigrationError, QueryError, SinkError, TransientWriteError
from sinks.kind_views import lacking
from sinks.migrate import shipped
from sinks.open import open_database
from sinks.release import check_release
from streams.settings import mask
from touchline.database import holds_database
from touchline.doctor.check import Check
from touchline.doctor.probe import Endpoint, obstacle

NAME = "ClickHouse"
_YES = ("1", "true", "yes")
_NO_TABLE = re.compile(r"Code: (60|81)\b")
"""UNKNOWN_TABLE, UNKNOWN_DATABASE; any other refusal is one of rights or of the server."""


def check_clickhouse(url: str) -> Check:
    """Return what is found at the address in `TOUCHLINE_CLICKHOUSE`."""
    address, shown = urlsplit(url), mask(url)
    remark = ""
    if address.scheme == "chdb":
        folder = Path(unquote(address.path))
        if not holds_database(folder):
            return Check(NAME, False, f"{shown} holds no database yet: touchline migrate")
        if is_locked(folder):
            return _held(shown, _pid(folder))
        remark = _readers(folder)
    try:
        database = open_database(url)
    except SinkError as error:
        return Check(NAME, False, f"{shown}: {error}")
    try:
        found = _tables(database, shown)
        return replace(found, text=found.text + remark)
    except TransientWriteError as error:
        return Check(NAME, False, f"{shown}: {_way(url) or _silence(error)}")
    except SinkError as error:
        return Check(NAME, False, f"{shown}: {error}")
    finally:
        database.close()


def _tables(database: Database, shown: str) -> Check:
    version = database.version()
    try:
        check_release(version)
    except MigrationError as error:
        return Check(NAME, False, f"{shown}: {error}")
    wanted = [migration.name for migration in shipped()]
    try:
        applied = {row[0] for row in select(database, "SELECT name FROM touchline.migrations")}
    except QueryError as error:
        if _NO_TABLE.search(str(error)):
            return Check(NAME, False, f"{shown} has no tables yet: touchline migrate")
        raise
    missing = [name for name in wanted if name not in applied]
    if missing:
        return Check(NAME, False, f"{shown} lacks {', '.join(missing)}: touchline migrate")
    if lacking(database):
        return Check(NAME, False, f"{shown} lacks columns or views of this release's records: touchline migrate")
    return Check(NAME, True, f"{version} at {shown}, all {len(wanted)} migrations applied")


# -- a server ----------------------------------------------------------------------------------------------------------


def _way(url: str) -> str:
    """Return why a server cannot be reached, and what to do; "" if the way to it is free."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    secure = parts.scheme == "clickhouses" or options.get("secure", "0") in _YES
    context = None
    if secure:
        context = ssl.create_default_context(cafile=options.get("ca_certs"))
        if options.get("verify", "1") not in _YES:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    fault = obstacle(
        Endpoint(
            host=parts.hostname or "",
            port=parts.port or (9440 if secure else 9000),
            tls=context,
            address="TOUCHLINE_CLICKHOUSE",
            trust="ca_certs=FILE in TOUCHLINE_CLICKHOUSE",
            use_tls="write clickhouses:// in TOUCHLINE_CLICKHOUSE",
            use_none="write clickhouse:// without secure=1 in TOUCHLINE_CLICKHOUSE",
        )
    )
    return "" if fault is None else f"{fault.what}: {fault.advice}"


def _silence(error: TransientWriteError) -> str:
    """Return what to do about a server that is reached, and does not answer as ClickHouse does."""
    return (
        f"{error}; look at the port in TOUCHLINE_CLICKHOUSE: "
        "it is that of the native protocol, 9000 (9440 with TLS), and not that of HTTP"
    )


# -- an embedded one ---------------------------------------------------------------------------------------------------


def is_locked(folder: Path) -> bool:
    """Return whether a process has the database in a folder open: ClickHouse locks its file `status` meanwhile."""
    try:
        with (folder / "status").open("rb") as status:
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _readers(folder: Path) -> str:
    """Return a remark if others may look into a database; touchline leaves a folder that it has not made as it is."""
    others = stat.S_IMODE(folder.stat().st_mode) & 0o077
    return f"; other users of this machine may read it (chmod -R go= {folder})" if others else ""


def _pid(folder: Path) -> int | None:
    """Return the process that has a database open, by its own count: in another container it may be another here."""
    found = re.search(r"^PID: (\d+)", (folder / "status").read_text("utf-8", errors="replace"), re.MULTILINE)
    return int(found[1]) if found else None


def _held(shown: str, pid: int | None) -> Check:
    command = [] if pid is None else _command(pid)
    ours = command_of_touchline(command)
    if ours:
        text = f"{shown} is open in a running `touchline {ours}` (process {pid}), which alone can look into it"
        return Check(NAME, True, text)
    who = f"process {pid}" if pid is not None else "a process"
    what = f" ({' '.join(command)})" if command else ", which is not to be seen from here"
    advice = "one process at a time can open the folder: end that one, or name another folder in TOUCHLINE_CLICKHOUSE"
    return Check(NAME, False, f"{shown} is open in {who}{what}: {advice}")


def _command(pid: int) -> list[str]:
    """Return the words of a running process's command line; none if they are not to be had."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", errors="replace").rstrip("\0").split("\0")
    except OSError:
        pass
    try:
        asked = ["ps", "-o", "args=", "-p", str(pid)]
        listed = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  # a number alone varies
    except OSError:
        return []
    return listed.stdout.split()


def command_of_touchline(words: list[str]) -> str:
    """Return the command of touchline that a command line runs: `sink` for `python -m touchline sink`; "" if none."""
    for word, following in pairwise(words):
        if PurePath(word).name == "touchline":
            return following
    return ""
