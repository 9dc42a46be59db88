"""ClickHouse's error codes: which errors pass by themselves, and what to do about some of the others."""

from __future__ import annotations

import re

# Numbers and names: `SELECT * FROM system.errors`, ClickHouse src/Common/ErrorCodes.cpp.
_TRANSIENT = {
    3: "UNEXPECTED_END_OF_FILE",
    159: "TIMEOUT_EXCEEDED",
    160: "TOO_SLOW",
    173: "CANNOT_ALLOCATE_MEMORY",
    201: "QUOTA_EXCEEDED",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    279: "ALL_CONNECTION_TRIES_FAILED",
    285: "TOO_FEW_LIVE_REPLICAS",
    319: "UNKNOWN_STATUS_OF_INSERT",
    394: "QUERY_WAS_CANCELLED",
    425: "SYSTEM_ERROR",
    473: "DEADLOCK_AVOIDED",
    999: "KEEPER_EXCEPTION",
}
# What a full disk fails with, and other things too: whether it is full, the message says.
_FILES = {
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    76: "CANNOT_OPEN_FILE",
    77: "CANNOT_CLOSE_FILE",
    88: "CANNOT_TRUNCATE_FILE",
    172: "CANNOT_CREATE_DIRECTORY",
    204: "CANNOT_FSYNC",
    275: "AIO_WRITE_ERROR",
    586: "CANNOT_CREATE_FILE",
    1000: "POCO_EXCEPTION",
    1001: "STD_EXCEPTION",
}
# ENOSPC, EDQUOT and EMFILE, as ErrnoException, Poco and std::filesystem write them.
_EXHAUSTED = re.compile(
    r"errno: (?:28|122|24)\b|no space left on device|disk quota exceeded|too many open files", re.IGNORECASE
)
_MISSING = {60: "UNKNOWN_TABLE", 81: "UNKNOWN_DATABASE"}
_REFUSED_LOGIN = {
    192: "UNKNOWN_USER",
    193: "WRONG_PASSWORD",
    194: "REQUIRED_PASSWORD",
    195: "IP_ADDRESS_NOT_ALLOWED",
    516: "AUTHENTICATION_FAILED",
}
_ACCESS_DENIED = 497
_NO_CLUSTER, _JOIN_DENIED = 701, 288
_OF_CLUSTERS = {_NO_CLUSTER: "CLUSTER_DOESNT_EXIST", _JOIN_DENIED: "DISTRIBUTED_IN_JOIN_SUBQUERY_DENIED"}


def is_transient(code: int | None, message: str) -> bool:
    """Return whether the same request may succeed after a pause, because room is made for example.

    Args:
        code: the error's number.
        message: the error's text, in which ClickHouse names the error of the operating system.
    """
    return code in _TRANSIENT or (code in _FILES and _EXHAUSTED.search(message) is not None)


def advice(code: int) -> str:
    """Return what to do about an error, as the end of its message; empty where the message says enough."""
    if code in _MISSING:
        return ": run `touchline migrate`"
    if code == _ACCESS_DENIED:
        return ": give the user the right, or take another user (docs/operating.md#clickhouse-users)"
    if code in _REFUSED_LOGIN:
        return ": check the user and password in TOUCHLINE_CLICKHOUSE"
    if code == _NO_CLUSTER:
        return ": name one of those that `SELECT DISTINCT cluster FROM system.clusters` shows"
    if code == _JOIN_DENIED:
        return ": give the user distributed_product_mode = global (docs/operating.md#a-clickhouse-of-many-servers)"
    return ""
