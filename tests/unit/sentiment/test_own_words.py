"""What of a message is its writer's: the messages are made up as mail programs and platforms write them."""

from __future__ import annotations

import pytest

from streams.sentiment.own_words import own_words

OWN = "My lamp is broken."


def words(text: str) -> str:
    return " ".join(own_words(text).split())


@pytest.mark.parametrize(
    "text",
    [
        f"{OWN}\n\nOn Mon, Jan 5, 2026 at 10:00 AM Shop <help@shop.example> wrote:\n> We are happy to help.\n> Best",
        f"{OWN}\n\nOn Mon, Jan 5, 2026 at 10:00 AM Shop On Line\n<help@shop.example> wrote:\n\nWe are happy to help.",
        f"{OWN} On 5 Jan 2026, at 10:00, Shop <help@shop.example> wrote: We are happy to help.",
        f"{OWN}\n\nAm 05.01.2026 um 10:00 schrieb Shop <help@shop.example>:\n> We are happy to help.",
        f"{OWN}\n\nLe lun. 5 janv. 2026 à 10:00, Shop <help@shop.example> a écrit :\n> We are happy to help.",
        f"On 5 Jan 2026, Shop wrote:\n> We are happy to help.\n>> Great\n>\n\n{OWN}",
        f"> We are happy to help.\n{OWN}",
        f"{OWN}\n\n-----Original Message-----\nFrom: Shop\nWe are happy to help.",
        f"{OWN}\n---------- Forwarded message ---------\nFrom: Shop\nWe are happy to help.",
        f"{OWN}\n\nBegin forwarded message:\n\nWe are happy to help.",
        f"{OWN}\n________________________________\nFrom: Shop\nWe are happy to help.",
        f"{OWN}\r\n\r\nFrom: Shop <help@shop.example>\r\nSent: Monday\r\nTo: Ann\r\nSubject: Hi\r\n\r\nHappy to help.",
        f"{OWN}\n\n*From:* Shop\n*Sent:* Monday\n\nWe are happy to help.",
        f"{OWN}\n-- \nAnn Love\nGreat Homes Ltd",
        f"{OWN}\n\nBest regards,\nAnn\nHappy Homes Ltd",
        f"{OWN}\n\nThanks,\nAnn",
        f"{OWN}\n\nSent from my iPhone",
        f"<html><head><style>p {{color: good}}</style></head><body><p>{OWN}</p></body></html>",
        f"<div>{OWN}<br></div><blockquote type='cite'>We are <b>happy</b> to help.</blockquote>",
        f"<div>{OWN}</div><BLOCKQUOTE>We are happy",
        f"&lt;p&gt;{OWN}&lt;/p&gt;",
        f"{OWN} RT @shop: We are happy to help",
        f"{OWN} \N{LEFT DOUBLE QUOTATION MARK}@shop: We are happy\N{RIGHT DOUBLE QUOTATION MARK}",
        f'{OWN} "@shop: We are happy to help',
        "My la\N{SOFT HYPHEN}mp\N{ZERO WIDTH SPACE} is \N{RIGHT-TO-LEFT OVERRIDE}broken.\N{POP DIRECTIONAL FORMATTING}",
        "My lamp is broken." + "".join(chr(0xE0000 + ord(char)) for char in "great"),
    ],
)
def test_what_others_wrote_and_what_nobody_reads_is_taken_away(text: str) -> None:
    assert words(text) == OWN


@pytest.mark.parametrize(
    "text",
    [
        "On Facebook somebody wrote: never buy here",
        ">:( that was bad",
        "> 2 hours on hold\nand then nothing",
        "I <3 it",
        "5 < 6 and 7 > 3",
        "Please RT @shop lost my bag",
        "Love it via @shop",
        'He said "hi" @shop: great',
        "Best regards to the team\nthe lamp is great",
        "Thanks,\nthat was really very quick of you",
        "Thanks",
        "Best\nlamp",
        'He said "hi" to "us"@shop: great',
        "It came from: Berlin\nIt left yesterday",
        "I wrote: no answer",
        "well -- no",
    ],
)
def test_what_only_resembles_a_quotation_stays(text: str) -> None:
    assert words(text) == " ".join(text.split())


@pytest.mark.parametrize("text", ["RT @shop: great", "RT @shop great", "mt @shop: great", "> great\n> shop"])
def test_what_is_all_of_others_leaves_nothing(text: str) -> None:
    assert words(text) == ""


def test_a_joiner_parts_emoji_and_no_letters_of_a_word() -> None:
    assert own_words("क्\N{ZERO WIDTH JOINER}षमा") == "क्षमा"
    assert own_words("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}") == "\N{WOMAN} \N{PERSONAL COMPUTER}"
