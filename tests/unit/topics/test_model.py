"""The learned model of topics: its arithmetic by hand, and a file that is read as it was written."""

from __future__ import annotations

import hashlib

import pytest

from streams.topics import TopicModel, TopicsError, read_model

WEIGHTS = {"knife": (693, -693), "fork": (0, 0), "sharp knife": (1386, -1386)}
MODEL = TopicModel(("cutlery", "other"), (-693, -693), WEIGHTS, 0.9, ("lists words-1",))


def test_the_probability_is_that_of_bayes_rule() -> None:
    guess = MODEL.guess({"knife", "fork", "unknown"})
    assert guess is not None

    # Two known n-grams: (0.693 + 0) / √2 each way, so odds of e^(2 * 0.4900) = 2.664.
    assert guess.topic == "cutlery"
    assert guess.probability == pytest.approx(2.6645 / 3.6645, abs=1e-4)


def test_a_topic_is_named_where_it_is_likely_enough() -> None:
    # (0.693 + 1.386) / √2 each way: odds of e^2.940 = 18.9, and 18.9 / 19.9 is 0.95.
    assert MODEL.topic_of(["sharp", "knife"]) == "cutlery"
    assert MODEL.topic_of(["knife", "fork"]) is None


def test_a_text_of_one_known_word_has_no_topic() -> None:
    assert MODEL.guess({"sharp knife", "unknown"}) is None
    assert MODEL.guess(set()) is None


def test_priors_count() -> None:
    rare = TopicModel(("a", "b"), (-2303, -105), {"x": (500, 0), "y": (500, 0)}, 0.5)
    guess = rare.guess({"x", "y"})

    # 0.1 * e^0.7071 against 0.9: 0.2028 / 1.1028.
    assert guess is not None
    assert guess.topic == "b"
    assert guess.probability == pytest.approx(0.9 / 1.1028, abs=1e-3)


def test_a_model_comes_back_from_its_file() -> None:
    again = read_model(MODEL.text())

    assert (again.topics, again.priors, again.weights, again.threshold) == (
        ("cutlery", "other"), (-693, -693), WEIGHTS, 0.9,
    )  # fmt: skip
    assert again.text() == MODEL.text()
    assert again.name == MODEL.name


def test_the_file_can_be_read_by_people() -> None:
    *lines, digest = MODEL.text().splitlines()

    assert lines == [
        "touchline-topics 1", "# lists words-1", "threshold 0.9", "topics\tcutlery\tother", "prior\t-693\t-693",
        "fork\t0\t0", "knife\t693\t-693", "sharp knife\t1386\t-1386",
    ]  # fmt: skip
    assert digest.startswith("sha256 ")


def test_models_that_may_differ_differ_in_name() -> None:
    surer = TopicModel(MODEL.topics, MODEL.priors, WEIGHTS, 0.95, MODEL.learned_from)

    assert MODEL.name.startswith("learned-")
    assert surer.name != MODEL.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("693\t-693\n", "694\t-693\n"), "checksum"),
        (lambda text: text[:-40], "checksum"),
        (lambda text: text.rpartition("sha256 ")[0], "first line|checksum"),
        (lambda text: text.replace("topics 1", "topics 2"), "first line"),
        (lambda text: text[:0], "first line"),
        (lambda text: text.replace("touchline", "\x00\n"), "first line"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(TopicsError, match=message):
        read_model(change(MODEL.text()))


@pytest.mark.parametrize(
    "body",
    [
        "touchline-topics 1\n",
        "touchline-topics 1\nthreshold 0.9\ntopics\ta\tb\nprior\t1\n",
        "touchline-topics 1\nthreshold 0.9\ntopics\ta\tb\nprior\t1\t1\nx\t1\n",
        "touchline-topics 1\nthreshold 0.9\ntopics\ta\tb\nprior\t1\t1\nx\t1\ty\n",
        "touchline-topics 1\nthreshold ?\ntopics\ta\nprior\t1\n",
        "touchline-topics 1\nthreshold 0.9\ntopics\nprior\n",
    ],
)
def test_a_file_with_a_true_checksum_and_other_lines_is_refused(body: str) -> None:
    with pytest.raises(TopicsError, match="no model of topics"):
        read_model(f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n")
