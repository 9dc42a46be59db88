"""What texts in languages with a list of words score: the texts are made up, and the signs are a person's."""

from __future__ import annotations

import pytest

from streams.sentiment import LearnedScorer, SentimentModel, VaderScorer, shipped_model
from streams.sentiment.other_languages import language_by_script, language_by_words, listed_language
from streams.sentiment.word_list import LANGUAGES, WordList, parse_list, plain, word_list
from streams.sentiment.word_rules import WordRules

SCORER = VaderScorer()

PRAISE = {
    "ar": """
الخدمة ممتازة شكرا لكم|هذا المنتج رائع جدا|لا مشكلة مع الطلب، انصح به|الموظف محترم ومتعاون
تأخر الطلب لكن الخدمة رائعة
""",
    "de": """
Der Service war ausgezeichnet, vielen Dank|Das Paket kam schnell an und ich bin zufrieden
Gar kein Problem, alles hat geklappt|Das ist nicht schlecht
Die Lieferung kam spät, aber das Essen war lecker
""",
    "es": """
El servicio es excelente, muchas gracias|Estoy muy contenta con la compra|No hay problema, todo bien
Me encanta esta tienda|El pedido llegó tarde, pero la comida es deliciosa
""",
    "fr": """
Le service est excellent, merci beaucoup|Je suis très content de mon achat|Aucun problème avec la commande
J'adore cette boutique|La livraison est en retard mais le produit est parfait
""",
    "hi": """
यह बहुत अच्छा है|सेवा शानदार थी, धन्यवाद|मुझे यह फ़ोन पसंद है|कोई समस्या नहीं हुई
देर हुई लेकिन सामान बेहतरीन है
""",
    "it": """
Il servizio è ottimo, grazie mille|Sono molto contenta del prodotto|Nessun problema con l'ordine
Mi piace questo negozio|Il pacco è in ritardo ma il prodotto è perfetto
""",
    "pt": """
O serviço é excelente, muito obrigada|Estou muito feliz com a compra|Não é ruim, gostei
Adorei a loja e a entrega|O pedido está atrasado mas a comida é deliciosa
""",
    "ur": """
یہ بہت اچھا ہے|سروس بہترین تھی، بہت شکریہ|مجھے یہ دکان بہت پسند ہے|کوئی مسئلہ نہیں ہوا|کپڑے کی کوالٹی عمدہ ہے
عملہ بہت مددگار ہے، میں خوش ہوں|کھانا مزیدار تھا|دیر ہوئی لیکن چیز لاجواب ہے|چیز بری نہیں ہے|ماشاءاللہ زبردست کام ہے
""",
    "te": """
చాలా బాగుంది|సేవ అద్భుతంగా ఉంది, ధన్యవాదాలు|ఈ ఫోన్ నాకు చాలా నచ్చింది|ఏ సమస్య లేదు|నాణ్యమైన వస్తువు
నేను చాలా సంతోషంగా ఉన్నాను|మంచి పుస్తకం, తప్పక చదవాలి|ఆలస్యం అయింది కానీ వస్తువు అద్భుతం|చెడు కాదు|సూపర్ సర్వీస్
""",
}
COMPLAINTS = {
    "ar": """
الخدمة سيئة جدا|المنتج لا يعمل والموظف وقح|هذا ليس جيد|للأسف الطلب ما وصل حتى الآن
التصميم جميل لكن الشركة نصابة وكذابة
""",
    "de": """
Der Service ist eine Katastrophe|Mein Paket ist leider kaputt|Ich bin nicht zufrieden
Das gefällt mir nicht|Das Gerät ist schön, aber der Support ist unverschämt
""",
    "es": """
El servicio es pésimo|No funciona, es una estafa|La comida no es buena
Mi paquete está roto y nadie responde|La tienda es bonita, pero el trato es horrible
""",
    "fr": """
Le service est nul|Ma commande est en panne et personne ne répond|Ce n'est pas bon du tout
C'est une arnaque, plus jamais|La boutique est jolie mais le service est lamentable
""",
    "hi": """
यह बहुत खराब है|सेवा अच्छी नहीं थी|पैसे की बर्बादी, मत खरीदो|फ़ोन टूटा हुआ है और कोई जवाब नहीं
रंग सुंदर है लेकिन कपड़ा घटिया है
""",
    "it": """
Il servizio è pessimo|Il pacco è arrivato rotto|Non sono soddisfatto del prodotto|È una truffa, mai più
Il negozio è carino ma il personale è maleducato
""",
    "pt": """
O serviço é péssimo|O produto veio quebrado e ninguém responde|Não gostei da comida
Que vergonha, nunca mais compro aqui|A loja é bonita mas o atendimento é horrível
""",
    "ur": """
یہ بہت برا ہے|سروس اچھی نہیں تھی|مجھے یہ پسند نہیں آیا|بدترین کمپنی، پیسے ضائع|یہ فون خراب نکلا|عملہ بدتمیز ہے
تین دن سے کوئی جواب نہیں|آرڈر ابھی تک نہیں ملا|رنگ خوبصورت ہے مگر کپڑا ناقص ہے|یہ کمپنی دھوکہ باز ہے
""",
    "te": """
చాలా చెత్తగా ఉంది|సేవ బాగోలేదు|నాకు నచ్చలేదు|ఇది మంచి ఫోన్ కాదు|డబ్బు వృధా|ఫోన్ పని చేయడం లేదు
వాళ్ళు మోసం చేశారు|డెలివరీ ఆలస్యం అయింది|చూడటానికి బాగుంది కానీ బ్యాటరీ చాలా చెత్త|నిరాశ చెందాను
""",
}
SAYS_NOTHING = {
    "ar": "أين طلبي؟|الطرد على الطاولة",
    "de": "Wo ist meine Bestellung?|Das Paket liegt auf dem Tisch",
    "es": "¿Dónde está mi pedido?|La caja está sobre la mesa",
    "fr": "Où est ma commande ?|Le colis est sur la table",
    "hi": "मेरा ऑर्डर कहां है?|पार्सल मेज पर है",
    "it": "Dove si trova il mio ordine?|Il pacco è sul tavolo",
    "pt": "Onde está o meu pedido?|A caixa está sobre a mesa",
    "ur": "پارسل میز پر ہے|میرا آرڈر کہاں ہے؟|دکان نو بجے کھلتی ہے",
    "te": "పార్సెల్ టేబుల్ మీద ఉంది|నా ఆర్డర్ ఎక్కడ ఉంది?|దుకాణం తొమ్మిది గంటలకు తెరుస్తారు",
}
NEGATED = {
    "ar": [("المنتج جيد", "المنتج ليس جيد")],
    "de": [("Das Essen ist gut", "Das Essen ist nicht gut"), ("Das gefällt mir", "Das gefällt mir nicht")],
    "es": [("La comida es buena", "La comida no es buena")],
    "fr": [("C'est bon", "Ce n'est pas bon")],
    "hi": [("सेवा अच्छी है", "सेवा अच्छी नहीं है")],
    "it": [("Mi piace", "Non mi piace")],
    "pt": [("Eu gostei", "Eu não gostei")],
    "ur": [("سروس اچھی ہے", "سروس اچھی نہیں ہے"), ("پسند آیا", "پسند نہیں آیا")],
    "te": [("మంచి ఫోన్", "మంచి ఫోన్ కాదు"), ("నచ్చింది", "నచ్చలేదు")],
}
STRONGER = {
    "ar": ("المنتج جيد", "المنتج جيد جدا"),
    "de": ("Das ist gut", "Das ist sehr gut"),
    "es": ("Es bueno", "Es muy bueno"),
    "fr": ("C'est bon", "C'est très bon"),
    "hi": ("अच्छा है", "बहुत अच्छा है"),
    "it": ("È bello", "È molto bello"),
    "pt": ("É bom", "É muito bom"),
    "te": ("మంచి ఫోన్", "చాలా మంచి ఫోన్"),
    "ur": ("اچھا ہے", "بہت اچھا ہے"),
}


def told(texts: str) -> list[str]:
    return [text for line in texts.strip().splitlines() for text in line.split("|")]


def every(texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(language, text) for language, lines in texts.items() for text in told(lines)]


def score(text: str, lang: str | None = None) -> int:
    value = SCORER.score(text, lang)
    assert value is not None
    return value


def test_each_language_has_its_texts_here() -> None:
    for texts in (PRAISE, COMPLAINTS, SAYS_NOTHING, NEGATED, STRONGER):
        assert sorted(texts) == sorted(LANGUAGES)


@pytest.mark.parametrize(("language", "text"), every(PRAISE))
def test_praise_is_positive_with_a_tag_and_without(language: str, text: str) -> None:
    assert score(text, language) == score(text) > 0


@pytest.mark.parametrize(("language", "text"), every(COMPLAINTS))
def test_complaints_are_negative_with_a_tag_and_without(language: str, text: str) -> None:
    assert score(text, language) == score(text) < 0


@pytest.mark.parametrize(("language", "text"), every(SAYS_NOTHING))
def test_a_text_without_a_word_that_weighs_gets_no_score(language: str, text: str) -> None:
    assert SCORER.score(text, language) is None


@pytest.mark.parametrize(
    ("plain_text", "negated", "language"),
    [(*pair, language) for language, pairs in NEGATED.items() for pair in pairs],
)
def test_a_negation_turns_what_is_said(plain_text: str, negated: str, language: str) -> None:
    assert score(plain_text, language) * score(negated, language) < 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_of_degree_strengthens(language: str) -> None:
    weaker, stronger = (score(text, language) for text in STRONGER[language])
    assert 0 < weaker < stronger


def test_a_negation_ends_with_its_sentence() -> None:
    assert score("اچھا ہے\N{ARABIC FULL STOP} نہیں آیا", "ur") > 0 > score("اچھا نہیں آیا", "ur")


def test_an_emoji_or_emoticon_counts_in_every_language() -> None:
    assert score("پارسل میز پر ہے 😡", "ur") < 0 < score("పార్సెల్ టేబుల్ మీద ఉంది :)", "te")
    assert score("یہ اچھا ہے 😀") > score("یہ اچھا ہے")


def test_letters_of_other_keyboards_and_vowel_marks_are_the_same_word() -> None:
    assert score("يه بہت اچھی ہے", "ur") == score("یہ بہت اَچھی ہے", "ur") == score("یہ بہت اچھی ہے", "ur")


def test_what_is_quoted_weighs_nothing() -> None:
    assert score('"@shop: بہترین سروس، شاندار" یہ خراب ہے') == score("یہ خراب ہے")
    assert SCORER.score("> చాలా బాగుంది\nనా ఆర్డర్ ఎక్కడ ఉంది?") is None


def test_mentions_links_and_hashtag_marks_are_no_words() -> None:
    assert SCORER.score("@اچھا پارسل میز پر ہے https://example.com/اچھا", "ur") is None
    assert score("#بہت_اچھا", "ur") == score("بہت اچھا", "ur")


def test_names_of_companies_are_no_words() -> None:
    named = VaderScorer(companies=["Super Bien", "Genial", "Más"])
    for text in ("Super Bien abre a las nueve", "#Super_Bien abre a las nueve", "¿Cuándo abre Genial?"):
        assert SCORER.score(text, "es") is not None
        assert named.score(text, "es") is None
    assert named.score("muy bien", "es") == SCORER.score("muy bien", "es")


def test_a_token_of_many_words_is_not_remembered() -> None:
    rules = WordRules(MADE_UP, "xx")
    rules.read("a,b,c,d a,b,c,d,e " + "f" * 201)
    assert list(rules._known) == ["a,b,c,d"]


def test_a_tag_is_believed() -> None:
    assert SCORER.score("یہ بہت اچھا ہے", "en") is None
    assert SCORER.score("یہ بہت اچھا ہے", "fa") is None
    assert SCORER.score("great service", "ur") is None
    assert score("اچھا", "ur-PK") == score("اچھا", "urd") == score("اچھا", "UR_IN") > 0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("میرا آرڈر کہاں ہے؟", "ur"),
        ("ٹھیک", "ur"),
        ("شکریہ", "ur"),
        ("ميرا ارڈر نھيں ملا", "ur"),
        ("నా ఆర్డర్ ఎక్కడ ఉంది?", "te"),
        ("delivery boy చాలా మంచివాడు, ఆర్డర్ త్వరగా వచ్చింది", "te"),
        ("سفارش من کجاست؟ هنوز نرسیده است", None),  # Persian
        ("این محصول خیلی خوب است", None),
        ("أين طلبي؟ لم يصل حتى الآن", "ar"),
        ("خدمة ممتازة شكرا لكم", "ar"),
        ("شرکت لاہور در این شهر است و خیلی خوب است", None),  # Persian, with a name from Pakistan
        ("زما امر چېرته دی؟", None),  # Pashto
        ("ئەم کتێبە زۆر باشە ھەروەھا", None),  # Kurdish, which has one of Urdu's letters
        ("منهنجو آرڊر ڪٿي آهي", None),  # Sindhi
        ("माझी ऑर्डर कुठे आहे? अजून मिळाली नाही", None),  # Marathi
        ("मेरो अर्डर कहाँ छ?", None),  # Nepali
        ("এটা খুব ভালো", None),  # Bengali
        ("मेरा ऑर्डर कहां है?", "hi"),
        ("これは最高です", None),
        ("спасибо", None),
    ],
)
def test_the_script_and_its_letters_tell_the_language(text: str, language: str | None) -> None:
    assert language_by_script(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Die Lieferung kam heute", "de"),
        ("¿Dónde está mi pedido?", "es"),
        ("Où est ma commande ?", "fr"),
        ("Il pacco non è ancora arrivato", "it"),
        ("O meu pedido ainda não chegou", "pt"),
        ("Mera order kahan hai", None),  # Hindi, whose list is in its own letters
        ("Waar blijft mijn bestelling?", None),  # Dutch
        ("Paketet kom aldrig fram", None),  # Swedish
        ("Kargo hala gelmedi", None),  # Turkish
        ("De nada", None),  # Spanish or Portuguese
    ],
)
def test_frequent_words_tell_the_language_in_latin_letters(text: str, language: str | None) -> None:
    assert language_by_words(text) == language


def test_codes_of_three_letters_are_known_and_other_languages_are_not() -> None:
    assert listed_language("tel") == "te"
    assert listed_language("nl") is None


def test_no_list_is_read_for_english() -> None:
    word_list.cache_clear()
    assert VaderScorer().score("Great service") is not None
    assert word_list.cache_info().currsize == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_is_sound(language: str) -> None:
    words = word_list(language)
    weights = [meaning for meaning in (*words.terms.values(), *words.stems.values()) if isinstance(meaning, float)]
    assert min(weights) < 0 < max(weights)
    assert all(term == plain(term, language) for term in (*words.terms, *words.stems))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["2 good"], "line 1: must be a weight or a kind"),
        (["# words", "5\tgood"], "line 2: '5' is no weight"),
        (["nan\tgood"], "line 1: 'nan' is no weight"),
        (["nicht\tgood"], "line 1: 'nicht' is no weight"),
        (["2\tgood,"], "line 1: a term is empty"),
        (["2\tgood", "1\tgood"], "line 2: 'good' is there twice"),
        (["2\tvery good", "1\tvery good"], "line 2: 'very good' is there twice"),
        (["2\t*good"], "line 1: '\\*good': an ending can only"),
    ],
)
def test_a_bad_list_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"words of xx, {message}"):
        parse_list(lines, "xx")


def total(words: WordList, text: str) -> float:
    rules = WordRules(words, "xx")
    return rules.total(rules.read(text))


MADE_UP = parse_list(
    [
        "2\tgood, gut*, piece of cake",
        "-2\tbad",
        "not\tno",
        "not behind\tne, *less",
        "more\tvery",
        "less\tbit",
        "but\tbut",
        "0\tgutter, unless",
        "prefix\tthe",
    ],
    "xx",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("good", 2.0),
        ("gutes", 2.0),
        ("a piece of cake", 2.0),
        ("piece. of cake", 0.0),
        ("good bad", 0.0),
        ("goooood", 2.0),
        ("very good", 2.293),
        ("very bad", -2.293),
        ("bit good", 1.707),
        ("good very", 2.293),
        ("good very bad", -0.293),
        ("thegood", 2.0),
        ("thevery good", 2.0),
        ("no good", 2 * -0.74),
        ("no bad", 0.8),
        ("good ne", 2 * -0.74),
        ("good a b ne", 2 * -0.74),
        ("good a b c ne", 2.0),
        ("no. good", 2.0),
        ("good. ne", 2.0),
        ("good bad ne", 2 + 0.8),
        ("very a good", 2.293),
        ("very a b good", 2.0),
        ("no good ne", 2.0),  # twice negated
        ("gutter", 0.0),
        ("good unless", 2.0),
        ("gutless", 2 * -0.74),
        ("good hopeless", 2 * -0.74),
        ("good but bad", 2 * 0.5 - 2 * 1.5),
        ("no but good", 3.0),
    ],
)
def test_a_total_is_the_one_worked_out_by_hand(text: str, expected: float) -> None:
    assert total(MADE_UP, text) == pytest.approx(expected)


def test_accents_may_be_left_out_where_people_do() -> None:
    assert score("El servicio es pesimo") == score("El servicio es pésimo")
    assert SCORER.score("schon", "de") is None  # "already", and no "schön"


def test_a_model_learns_of_each_language_apart() -> None:
    """A word of one language may be a word of another: what English texts taught of it counts in English alone."""
    model = SentimentModel({"ur:پارسل میز": -4000, "shop": 4000}, 1.0, 0.5)
    scorer = LearnedScorer(SCORER, model)

    assert (scorer.score("پارسل میز پر ہے", "ur") or 0) < 0
    assert scorer.score("shop", "ur") is None
    assert (scorer.score("shop", "en") or 0) > 0


def test_a_model_that_is_not_sure_leaves_a_text_without_a_score() -> None:
    scorer = LearnedScorer(SCORER, SentimentModel({"ur:پارسل": 400}, 1.0, 0.5))
    assert scorer.score("پارسل", "ur") is None
    assert scorer.score("اچھا پارسل", "ur") is not None


def test_the_base_model_leaves_other_languages_to_their_lists() -> None:
    scorer = LearnedScorer(SCORER, shipped_model())
    assert (scorer.score("یہ بہت اچھا ہے") or 0) > 0
    assert scorer.score("پارسل میز پر ہے", "ur") is None
