"""The dictionary of rare nouns, and how the search heeds it. Forms as a German or French grammar has them."""

from importlib.resources import files

import pytest

from lstm_models.tasks.translation.decoding import TranslateOptions
from lstm_models.tasks.translation.rare_nouns import missing
from tests.helpers.scripted_translator import ScriptedTranslator


@pytest.mark.parametrize(
    ("source", "language", "some", "none"),
    [
        ("A polar bear stands.", "de", ["ein Eisbär", "einen Eisbären", "dem Eisbären"], ["Eisbär", "eine Eisbär"]),
        ("An owl sleeps.", "de", ["eine Eule", "einer Eule"], ["ein Eule", "einen Eule"]),
        ("The zebra runs.", "de", ["das Zebra", "ein Zebra", "im Zebra"], ["den Zebra"]),
        ("Two zebras run.", "de", ["Zebras"], ["Zebra", "ein Zebra", "Zebrasn"]),
        ("Dogs and wolves.", "de", ["Wölfe", "Wölfen"], ["Wolf"]),
        ("a small lighthouse", "de", ["Leuchtturm"], ["ein Leuchtturm"]),  # an adjective stands between
        ("Giraffes and squirrels", "de", ["Giraffen"], ["eine Giraffe"]),
        ("the moose", "de", ["der Elch"], ["Elche"]),
        ("three moose", "de", ["Elche", "Elchen"], ["ein Elch"]),
        ("an elephant", "fr", ["un éléphant", "l'éléphant", "de l'éléphant"], ["le éléphant", "une éléphant"]),
        ("a hedgehog", "fr", ["un hérisson", "le hérisson", "du hérisson"], ["l'hérisson"]),
        ("a giraffe", "fr", ["une girafe", "la girafe", "d'une girafe"], ["un girafe", "du girafe"]),
        ("a guinea pig", "fr", ["un cochon d'Inde"], ["un cochon"]),
    ],
)
def test_what_is_missing_is_given_in_the_forms_that_are_right(source, language, some, none):
    forms = missing(source, "", language)[0]
    assert set(some) <= set(forms)
    assert not set(none) & set(forms)


@pytest.mark.parametrize(
    ("source", "target", "language"),
    [
        ("A giraffe eats.", "Eine Giraffe frisst.", "de"),
        ("banana bread", "Bananenbrot", "de"),  # a part of a word
        ("A man at the zoo.", "Ein Mann im Zoo.", "de"),
        ("He is a Lion of Judah", "", "de"),  # a name
        ("eagle-eyed", "", "de"),
        ("a giraffe", "", "es"),  # a language it does not have
    ],
)
def test_nothing_is_missing(source, target, language):
    assert missing(source, target, language) == []


def test_the_first_word_may_have_its_capital_and_three_nouns_are_enough():
    assert missing("Lions sleep.", "", "de") == [("Löwen",)]
    assert len(missing("lions, tigers, wolves, foxes and owls", "", "de")) == 3


def test_every_line_of_the_dictionary_is_whole():
    lines = (files("lstm_models.tasks.translation") / "rare_nouns.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 100
    assert len({line.split("\t")[0] for line in lines}) == len(lines)
    for line in lines:
        *_, german, french = line.split("\t")
        assert german.startswith("de:")
        assert french.startswith("fr:")
        for entry, genders in ((german, "mfn"), (french, "mf")):
            gender, singulars, plurals = entry[3:].split(" ")
            assert gender in genders
            assert singulars.count(",") == plurals.count(",")
            assert entry is french or all(word[0].isupper() for word in (singulars + "," + plurals).split(","))


def test_the_search_forces_what_did_not_come_out():
    translator = ScriptedTranslator()
    # The scripted model goes on by place, and is lost after a word of another length
    assert translator.translate("A hedgehog").text.lower() in map(str.lower, missing("A hedgehog", "", "de")[0])
    assert len(translator.searches) == 2
    kept = translator.translate("A hedgehog runs", TranslateOptions(glossary={"hedgehog": "Igel"}))
    assert kept.text.count("Igel") == 1
    assert len(translator.searches) == 3


def test_a_translator_from_another_language_has_no_dictionary():
    translator = ScriptedTranslator()
    translator.config = type(translator.config)(translator.config.pieces, "nl", "de", 4, 2, 1, 2)
    translator.translate("A hedgehog runs")
    assert len(translator.searches) == 1
