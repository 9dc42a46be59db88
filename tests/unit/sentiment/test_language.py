"""Which messages are English: the messages are made up, in languages that their names tell."""

from __future__ import annotations

from collections import Counter

import pytest

from streams.sentiment import VaderScorer
from streams.sentiment.language import function_words

SCORER = VaderScorer()

ENGLISH = """
Great service|Parcel arrived broken|Refund please|Still waiting|Worst airline ever|Love it!|Order cancelled|Not happy
Rude staff|No response|Highly recommend|Does exactly what it says|Best pizza in Chicago|My bag die not arrive
The café's crème brûlée was good|Excellent|Mañana is not soon enough for a refund|gr8 stuff but the queue was long
I am in Die, France, and my order is late|Lost luggage, no help
kiosks mostly unmanned upstairs|Antonio Moreno, Barcelona: delayed|😀|:) :) :) :)|Flight delayed 3 hrs
"""
OTHERS = {
    "German": "Die Lieferung kam heute|Das Paket ist kaputt|Super Service, gerne wieder|War nicht gut|Dankeschön xoxo",
    "Swiss German": "Super Band, Super Hotel, Super Club",
    "Spanish": "No funciona|Mal servicio|Gracias por todo|Me gusta mucho|Todo perfecto, son los mejores",
    "French": "Mauvais service|Service client nul|Merci beaucoup|L'attente horrible|C'est grave, pas de réponse",
    "Italian": "Il pacco è arrivato rotto|Servizio pessimo|Grazie mille|Come sempre in ritardo|L'ordine non va",
    "Portuguese": "Péssimo atendimento|Muito bom|Adorei a entrega|Nao gostei|Tudo certo, amo vcs",
    "Dutch": "Slechte service, nooit meer|Waar blijft mijn bestelling?|Het was niet goed|Heel blij mee",
    "Hindi": "Bahut bura service|Mera order kahan hai|Delivery boy bahut rude tha|यह बहुत अच्छा है",
    "Urdu": "Bohat acha laga|Yeh log chor hain|Order abhi tak nahi aaya",
    "Swedish": "Paketet kom aldrig fram|Mycket nöjd med min order",
    "Polish": "Nie polecam, bardzo zła obsługa",
    "Turkish": "Kargo hala gelmedi, çok kötü",
    "Indonesian": "Barang rusak, tidak bisa dipakai",
}


def told(texts: str) -> list[str]:
    return [text for line in texts.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize("text", told(ENGLISH))
def test_english_is_scored_without_a_tag(text: str) -> None:
    assert SCORER.score(text) is not None


@pytest.mark.parametrize("text", [text for texts in OTHERS.values() for text in told(texts)])
def test_other_languages_are_not_scored_as_english_without_a_tag(text: str) -> None:
    for tag in (None, "und"):
        heard = SCORER.hear(text, tag)
        assert heard is None or heard.language != "en"


def test_a_tag_is_believed() -> None:
    assert SCORER.score("Die Lieferung kam heute", "en") is not None
    assert SCORER.score("Great service", "nl") is None


def test_hashtags_tell_no_language() -> None:
    """Posts in all languages have English ones."""
    heard = SCORER.hear("Todo perfecto #LoveOurNewHome #HappyWithTheTeam")
    assert heard is not None
    assert heard.language == "es"


def test_a_word_is_in_one_list_and_lower_case() -> None:
    words = Counter(word for _, words in function_words() for word in words)
    assert max(words.values()) == 1
    assert all(word == word.lower() for word in words)
