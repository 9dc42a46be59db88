"""The settings: what is read, what is refused, what is never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.follow_ups import FollowUpRules
from streams.settings import PREFIX, Settings, SettingsError, documented, load, mask


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def test_defaults_are_those_of_the_contract() -> None:
    settings = load()
    assert settings.kafka == "127.0.0.1:9092"
    assert settings.clickhouse == "clickhouse://default@127.0.0.1:9000/touchline"
    assert (settings.partitions, settings.allowed_lateness_days, settings.timer_delay_s) == (4, 3, 300)


def test_a_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_KAFKA", "a:1,b:2")
    monkeypatch.setenv("TOUCHLINE_BATCH_S", "2.5")
    settings = load()
    assert (settings.kafka, settings.batch_s) == ("a:1,b:2", 2.5)


def test_an_override_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_PARTITIONS", "8")
    assert load(partitions=2).partitions == 2


def test_an_unknown_variable_is_refused_and_the_nearest_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOUCHLINE_KAFAK", "a:1")
    with pytest.raises(SettingsError, match=r"TOUCHLINE_KAFAK: .* did you mean TOUCHLINE_KAFKA\?"):
        load()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("KAFKA", "localhost", "'localhost' is not host:port"),
        ("KAFKA", "a:1,b:x", "'b:x' is not host:port"),
        ("CLICKHOUSE", "http://x:8123", "clickhouse://user:password@host:9000/touchline"),
        ("CLICKHOUSE", "chdb://", "names a directory"),
        ("CLICKHOUSE", "clickhouse://me:hunter3@:9000/touchline", "the host is missing"),
        ("CLICKHOUSE", "clickhouse://me:hunt/er3@db:9000/touchline", "write %2F for /"),
        ("CLICKHOUSE", "clickhouse://me:hunt\u2100er3@db:9000/touchline", "no URL"),
        ("SCHEMA_REGISTRY", "registry:8081", "https://user:password@host:8081"),
        ("SCHEMA_REGISTRY", "ftp://me:hunter3@registry", "https://user:password@host:8081"),
        ("SCHEMA_REGISTRY", "", "https://user:password@host:8081"),
        ("SCHEMA_REGISTRY", "http://", "the host is missing"),
        ("SCHEMA_REGISTRY", "http://me:hunter3@", "the host is missing"),
        ("SCHEMA_REGISTRY", "http://me:1/hunter3@registry", "write %2F for /"),
        ("SCHEMA_REGISTRY", "http://me:hunter3/w@registry", "write %2F for /"),
        ("SCHEMA_REGISTRY", "http://me:1#hunter3@registry", "%23 for #"),
        ("SCHEMA_REGISTRY", "http://me:[hunter3@registry", "%5B for ["),
        ("SCHEMA_REGISTRY", "http://me:hunter3 @registry", "%20 for a space"),
        ("SCHEMA_REGISTRY", "http://registry:port", "no URL"),
        ("PARTITIONS", "0", "greater than or equal to 1"),
        ("PARTITIONS", "four", "valid integer"),
        ("LOG_FORMAT", "xml", "'auto', 'json' or 'console'"),
        ("KAFKA_SECURITY", "sasl_ssl", "TOUCHLINE_KAFKA_USER"),
    ],
)
def test_a_bad_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert says in str(caught.value)
    assert "hunt" not in str(caught.value)
    if name != "KAFKA_SECURITY":  # that fault is between settings, and names those that are missing
        assert str(caught.value).startswith(PREFIX + name)


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_KAFKA_SECURITY", "sasl_ssl")
    monkeypatch.setenv("TOUCHLINE_KAFKA_USER", "u")
    monkeypatch.setenv("TOUCHLINE_KAFKA_PASSWORD", "hunter2")
    monkeypatch.setenv("TOUCHLINE_CLICKHOUSE", "clickhouse://me:hunter3@db:9000/touchline")
    settings = load()
    for text in (repr(settings), str(settings), str(settings.shown())):
        assert "hunter" not in text
        assert "db:9000" in text


def test_a_bad_secret_is_not_shown_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_CLICKHOUSE", "mysql://me:hunter3@db:9000/touchline")
    with pytest.raises(SettingsError) as caught:
        load()
    assert "hunter3" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://registry:8081", "https://me:hunter3@registry/under", "http://me:p%2F%40@[::1]:1"]
)
def test_a_schema_registrys_address_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOUCHLINE_SCHEMA_REGISTRY", url)
    assert load().schema_registry == url


@pytest.mark.parametrize(
    "password", ["hunter", "h@unter", "h/un@ter/", "h:un://ter", "@h unter", "h?u#n&ter", "'hunter\"", "h%40unter"]
)
@pytest.mark.parametrize("user", ["me", "", "m/e", "m@e"])
def test_nothing_of_a_password_is_shown(user: str, password: str) -> None:
    shown = mask(f"no answer from http://{user}:{password}@db:9000/touchline, trying again")
    assert shown == f"no answer from http://{user}:**********@db:9000/touchline, trying again"


@pytest.mark.parametrize(
    "text", ["http://db:9000/x", "clickhouse://default@127.0.0.1:9000/touchline", "me@db: no", "chdb:///a"]
)
def test_what_has_no_password_is_shown_as_it_is(text: str) -> None:
    assert mask(text) == text


def test_settings_cannot_be_changed() -> None:
    settings = load()
    with pytest.raises(ValidationError):
        settings.kafka = "x:1"


def test_dimensions() -> None:
    assert load().dimensions == frozenset()
    assert load(metric_dimensions="*").dimensions is None
    assert load(metric_dimensions="region, product,").dimensions == frozenset({"region", "product"})


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kathmandu"])
def test_a_time_zone_is_one_of_the_iana_database(zone: str) -> None:
    assert load(time_zone=zone).time_zone == zone


@pytest.mark.parametrize("zone", ["", "Berlin", "Europe/berlin", "CEST", "+01:00", "../etc/passwd", "Europe/Berlin'"])
def test_any_other_time_zone_is_an_error_that_names_a_near_one(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TOUCHLINE_TIME_ZONE", zone)

    with pytest.raises(SettingsError, match=r"^TOUCHLINE_TIME_ZONE: .* is no time zone .*; did you mean \S+\?$"):
        load()


def test_subjects_are_a_list_of_those_that_there_are() -> None:
    assert load().subject_kinds == ("case", "call", "post")
    assert load(subjects=" post, order,").subject_kinds == ("order", "post")
    assert load(subjects="").subject_kinds == ()


def test_any_other_subject_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_SUBJECTS", "case,ticket")

    with pytest.raises(SettingsError, match=r"^TOUCHLINE_SUBJECTS: 'ticket' is no subject: case, order, .*, post are$"):
        load()


def test_a_phone_region_is_one_that_has_a_numbering_plan() -> None:
    assert load().phone_region == ""
    assert load(phone_region=" gb ").phone_region == "GB"


@pytest.mark.parametrize("region", ["UK", "GBR", "44", "+44", "ZZ", "001"])
def test_any_other_phone_region_is_an_error(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("TOUCHLINE_PHONE_REGION", region)

    with pytest.raises(SettingsError, match=r"^TOUCHLINE_PHONE_REGION: .* is no region .* ISO 3166, as GB or DE$"):
        load()


def test_placeholders_are_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load().placeholder_patterns
    monkeypatch.setenv("TOUCHLINE_PLACEHOLDERS", r"kiosk-\d{1,3}, till.*")

    assert load().placeholder_patterns.match("Kiosk-12")
    assert load().placeholder_patterns.match("till 3")


def test_what_is_no_pattern_is_an_error_that_names_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_PLACEHOLDERS", "kiosk, (till")

    with pytest.raises(SettingsError, match=r"^TOUCHLINE_PLACEHOLDERS: pattern 2, '\(till', is no regular expression"):
        load()


def test_everything_is_documented() -> None:
    listed = {entry.variable: entry for entry in documented()}
    assert listed.keys() == {PREFIX + name.upper() for name in Settings.model_fields}
    assert all(entry.meaning for entry in listed.values())
    assert listed["TOUCHLINE_PARTITIONS"].default == "4"


def test_company_names_are_a_comma_list() -> None:
    assert load(companies="United, Best Buy,,").company_names == ["United", "Best Buy"]
    assert load().company_names == []


def test_keys_of_pseudonyms_are_read_from_variables_or_a_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("the key that is in force\n\nan earlier key, with a comma\n")
    key, old = "quite a secret of ours", "an older secret of ours, the oldest secret of ours"

    assert load().pseudonym_keys() == (None, [])
    assert load(pseudonym_key_file=str(file)).pseudonym_keys() == (
        b"the key that is in force",
        [b"an earlier key, with a comma"],
    )
    both = load(pseudonym_key=key, pseudonym_key_old=old)
    assert both.pseudonym_keys() == (key.encode(), [b"an older secret of ours", b"the oldest secret of ours"])
    assert load(pseudonym_key_old=key).pseudonym_keys() == (None, [key.encode()])
    with pytest.raises(SettingsError, match="take one away"):
        load(pseudonym_key=key, pseudonym_key_file=str(file))
    assert not any("secret" in said for said in (repr(both), str(both), str(both.shown())))


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"pseudonym_key": "too-short"}, "TOUCHLINE_PSEUDONYM_KEY: a key has 16 characters or more"),
        ({"pseudonym_key": ""}, "a key has 16 characters or more"),
        ({"pseudonym_key": "a comma splits this, in a key of ours"}, "name earlier keys in"),
        ({"pseudonym_key_old": "k" * 16 + ",too-short"}, "key number 2 has fewer"),
        ({"pseudonym_key_file": "/no/such/file"}, "/no/such/file cannot be read"),
    ],
)
def test_a_key_of_pseudonyms_that_does_not_hold_is_refused_without_showing_it(
    chosen: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as raised:
        load(**chosen)
    assert "too-short" not in str(raised.value)


def test_the_file_of_follow_ups_is_read_once_when_a_process_starts(tmp_path: Path) -> None:
    file = tmp_path / "follow_ups.toml"
    file.write_text("asks = 5\n", "utf-8")
    configured = load(follow_ups=str(file))
    file.unlink()

    assert configured.follow_up_rules.asks == 5
    assert load().follow_up_rules == FollowUpRules()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[reasons.complain]\n", "TOUCHLINE_FOLLOW_UPS: .*toml: line 1: .* did you mean complaint?"),
        (b"\xff", "TOUCHLINE_FOLLOW_UPS: .*toml is not text in UTF-8"),
        (None, "TOUCHLINE_FOLLOW_UPS: .*toml cannot be read"),
    ],
)
def test_a_file_of_follow_ups_that_does_not_hold_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "follow_ups.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsError, match=says):
        load(follow_ups=str(file))


@pytest.mark.parametrize("name", ["topic_words", "topic_model"])
@pytest.mark.parametrize(
    ("content", "says"), [(b"[topic]", "topic|first line"), (b"\xff", "cannot be read"), (None, "cannot be read")]
)
def test_a_file_of_topics_that_does_not_hold_is_refused(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsError, match=f"TOUCHLINE_{name.upper()}.*{says}"):
        load(**{name: str(file)})


def test_words_that_are_nested_without_end_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text("a = " + "[" * 5000)

    with pytest.raises(SettingsError, match=r"TOUCHLINE_TOPIC_WORDS: .*line 1 is nested too deeply"):
        load(topic_words=str(file))


def test_topics_are_found_by_the_shipped_words_and_by_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text('[topics]\nparking = ["garage"]')

    assert load().topic_finder().find("a garage").topics == ()
    assert load(topic_words=str(file)).topic_finder().find("a garage").topics == ("parking",)
