"""The keys: who is let in, what is refused, and that nobody listens to others without one."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest

from streams.settings import SettingsError, load
from touchline.collect.keys import Keys, is_loopback, load_keys

OLD, NEW, OTHER = "o" * 16, "n" * 20, "x" * 256


def test_a_name_may_have_several_keys_so_that_one_can_be_replaced() -> None:
    keys = load_keys(load(collect_keys=f"shop:{OLD}, shop:{NEW} ,till:{OTHER}"))

    assert [keys.holder(f"Bearer {key}") for key in (OLD, NEW, OTHER)] == ["shop", "shop", "till"]
    assert keys.names == ["shop", "till"]


@pytest.mark.parametrize(
    "said", [None, "", "Bearer", f"Bearer {OLD[1:]}", f"Bearer {OLD}o", OLD, f"Basic {OLD}", "Bearer \udce9"]
)
def test_nothing_else_lets_anybody_in(said: str | None) -> None:
    assert Keys([("shop", OLD)]).holder(said) is None


def test_every_key_is_compared_whole_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    keys = Keys([("shop", OLD), ("till", NEW), ("web", OTHER)])
    monkeypatch.setattr(hmac, "compare_digest", compare)

    keys.holder(f"Bearer {OLD}")
    keys.holder("Bearer short")

    assert compared == [(32, 32)] * 6


def test_keys_come_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# of the shop\nshop:{OLD}\n\n  till:{NEW}  \n")

    keys = load_keys(load(collect_keys_file=str(file), collect_host="0.0.0.0"))  # noqa: S104  # what is tested

    assert keys.holder(f"Bearer {NEW}") == "till"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"collect_keys": "shop"}, "COLLECT_KEYS, entry 1: it should look like name:key"),
        ({"collect_keys": f"a b:{OLD}"}, "entry 1: it should look like name:key"),
        ({"collect_keys": f"shop:{OLD},till:short"}, r"entry 2 \(till\): a key has 16 to 256 characters"),
        ({"collect_keys": "shop:has a space in it"}, "none of them a space"),
        ({"collect_keys": f"shop:{OLD},till:{OLD}"}, "shop and till have the same key"),
        ({"collect_keys_file": "/nowhere/keys"}, "/nowhere/keys cannot be read: No such file"),
        ({"collect_host": "0.0.0.0"}, "there are no API keys: set TOUCHLINE_COLLECT_KEYS"),  # noqa: S104
        ({"collect_host": "::", "collect_keys": "# none"}, "COLLECT_KEYS holds no key"),
        ({"collect_host": "collector.example"}, "there are no API keys"),
    ],
)
def test_what_does_not_hold_is_an_error_that_shows_no_key(settings: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        load_keys(load(**settings))

    assert OLD not in str(caught.value)
    assert "short" not in str(caught.value)


def test_keys_are_not_shown_among_the_settings() -> None:
    settings = load(collect_keys=f"shop:{OLD}")

    assert OLD not in str(settings.shown())
    assert OLD not in repr(settings)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("localhost", True), ("LOCALHOST", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example", "")],  # noqa: S104
)
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("listed", ["", " , ", "# shop"])
def test_a_setting_that_holds_no_key_lets_nobody_in(listed: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(listed.replace(",", "\n"))

    with pytest.raises(SettingsError, match="COLLECT_KEYS holds no key"):
        load_keys(load(collect_keys=listed))
    with pytest.raises(SettingsError, match="COLLECT_KEYS_FILE holds no key"):
        load_keys(load(collect_keys_file=str(file)))
