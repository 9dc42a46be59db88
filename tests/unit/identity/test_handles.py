"""Names in networks."""

from __future__ import annotations

import pytest

from streams.identity.handles import handle, twitter


@pytest.mark.parametrize(
    "written",
    [
        *("ann_7", "@Ann_7", "@@ANN_7", "@ ann_7", "https://twitter.com/Ann_7", "https://x.com/@ann_7?lang=en"),
        *("x.com/ANN_7/", "http://www.twitter.com/ann_7#top", "mobile.twitter.com/ann_7"),
    ],
)
def test_one_account_of_twitter_has_one_name(written: str) -> None:
    assert twitter(written) == "ann_7"


@pytest.mark.parametrize(
    "written",
    ["@twitter.com/ann", "@https://x.com/ann", "@x.com/ann?a", "twitter.com/ali\u00df", "twitter.com/home", "@@a/b"],
)
def test_a_name_stays_itself_when_it_is_read_again(written: str) -> None:
    name = twitter(written)
    assert name is not None
    assert twitter(name) == name


@pytest.mark.parametrize("written", ["x.com/i", "x.com/home", "x.com/ann/status/1", "fox.com/ann", "x.com/"])
def test_an_address_that_is_no_profiles_is_kept(written: str) -> None:
    assert twitter(written) == written


def test_case_is_folded_in_every_script() -> None:
    assert handle("@ÉLODIE") == handle("élodie") == "élodie"
    assert handle("@ΑΝΝΑΣ") == handle("αννας")


@pytest.mark.parametrize("written", ["@", "@@ ", ""])
def test_without_a_name_there_is_none(written: str) -> None:
    assert handle(written) is None
