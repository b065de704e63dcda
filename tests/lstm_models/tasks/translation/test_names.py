import numpy as np
import pytest

from lstm_models.tasks.translation.decoding import TranslateOptions
from lstm_models.tasks.translation.features import word_spans
from lstm_models.tasks.translation.names import (
    are_whole,
    put_back,
    unknown_names,
    with_names,
    with_stand_ins,
)
from lstm_models.tasks.translation.results import Alternative, TranslatedSentence, TranslatedWord
from tests.helpers.scripted_translator import ScriptedTranslator


@pytest.fixture(scope="module")
def translator():
    return ScriptedTranslator()


def sentence(text, confidence=0.1):
    """A sentence whose words were all translated by themselves, as sure as given."""
    words = [text[start:end] for start, end in word_spans(text)]
    made = tuple(TranslatedWord(word, confidence, number) for number, word in enumerate(words))
    return TranslatedSentence(text, text, tuple(words), made, np.eye(len(words), dtype=np.float32))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a dog sees Ikenna", ["Ikenna"]),
        ("Ikenna runs", ["Ikenna"]),
        ("a man and Angela Merkel", ["Angela Merkel"]),
        ("Nakamura's dog runs", ["Nakamura"]),
        ("the dog O'Brien-Smith", ["O'Brien-Smith"]),
        ("Snowboarders run", []),  # a first word like a plural
        ("A dog runs", []),
        ("The dog isn't Don't", []),
        ("We'll run", []),
        ("the man Ikenna42 @Ikenna Ikenna.org", []),  # codes and addresses are copied
        ("", []),
    ],
)
def test_names_are_words_with_a_capital_that_the_model_is_not_sure_of(translator, text, names):
    found = unknown_names(sentence(text), translator.vocabulary, "en")
    assert [text[slice(*span)] for span in found] == names


def test_what_the_model_is_sure_of_is_known(translator):
    pieces = translator.vocabulary
    assert not unknown_names(sentence("a dog sees Ikenna", 0.9), pieces, "en")
    assert not unknown_names(sentence("the man Yes", 0.1), pieces, "en")  # one piece
    assert not unknown_names(sentence("der Hund sieht Ikenna", 0.1), pieces, "de")  # nouns have capitals


def test_people_and_places_have_stand_ins_of_their_own():
    text = "Ikenna went from Nairobi to Karachi with Zoë, and Ikenna gave it to Priya."
    names = [(text.index(name), text.index(name) + len(name)) for name in ("Ikenna", "Nairobi", "Karachi", "Zoë")]
    second = text.rindex("Ikenna")
    found = with_stand_ins(text, [*names, (second, second + 6), (text.index("Priya"), len(text) - 1)])
    # “went” is in the sentence, so what follows “to” is a place
    assert found.text == "Tom went from Boston to Paris with Maria, and Tom gave it to Chicago."
    assert found.names["Tom"] == "Ikenna"
    assert with_stand_ins("Tom sees Zoë", [(9, 12)]).text == "Tom sees Maria"
    assert with_stand_ins("A B C D E", [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]) is None


def test_names_are_put_back_where_every_stand_in_came():
    names = {"Tom": "Ikenna", "Boston": "Tom"}
    assert put_back("Toms Hund ist in Boston.", names) == "Ikennas Hund ist in Tom."
    assert put_back("Tomate", names) == "Tomate"
    assert put_back("Tom", {}) == "Tom"
    assert are_whole("Toms Hund", "Tom's dog", ("Tom",))
    assert not are_whole("Der Hund", "Tom's dog", ("Tom",))
    assert not are_whole("Tom und Tom", "Tom", ("Tom",))


def test_words_stand_where_they_are_after_names_are_put_back():
    words = tuple(TranslatedWord(word, 0.9, number, start)
                  for number, (word, start) in enumerate([("Tom", 0), ("rennt", 4), (".", 9)]))  # fmt: skip
    found = TranslatedSentence("Tom runs.", "Tom rennt.", ("Tom", "runs", "."), words, np.eye(3), -1.0,
                               (Alternative("Tom lief.", -2.0),))  # fmt: skip
    made = with_names(found, "Angela Merkel runs.", {"Tom": "Angela Merkel"})
    assert made.text == "Angela Merkel rennt."
    assert made.source_words == ("Angela Merkel", "runs", ".")
    assert [made.text[word.start :][: len(word.text)] for word in made.words] == [word.text for word in made.words]
    assert [word.copied for word in made.words] == [True, False, False]
    assert made.alternatives == (Alternative("Angela Merkel lief.", -2.0),)


def test_a_name_that_the_model_garbles_survives(translator):
    right = translator.answers
    translator.answers = right.clone()
    for letter in "kw":  # which the model now gets wrong
        translator.answers[translator.vocabulary.encode(f"x{letter}")[-1]] = translator.vocabulary.encode("xq")[-1]
    try:
        found = translator.translate("the man Wakwakukwa runs and Wakwakukwa's dog sleeps")
        forced = translator.translate("the man Wakwakukwa runs", TranslateOptions(glossary={"Wakwakukwa": "Hund"}))
    finally:
        translator.answers = right
    assert found.text == "der Mann Wakwakukwa rennt und Wakwakukwa's Hund schläft"
    assert found.words[2].copied
    assert "Hund" in forced.text  # what the glossary has is the glossary's
