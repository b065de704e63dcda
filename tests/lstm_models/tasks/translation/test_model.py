import json
import math

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.tasks.translation.decoding import TranslateOptions
from tests.helpers.scripted_translator import SURE, ScriptedTranslator


@pytest.fixture(scope="module")
def translator():
    return ScriptedTranslator()


def test_words_with_where_they_came_from_and_how_sure_they_are(translator):
    found = translator.translate("A dog runs.")
    assert str(found) == found.text == "Ein Hund rennt."
    assert [(word.text, word.source, word.start) for word in found.words] == [
        ("Ein", 0, 0), ("Hund", 1, 4), ("rennt", 2, 9), (".", 3, 14),
    ]  # fmt: skip
    assert found.words[1].confidence == pytest.approx(SURE, rel=1e-5)
    (sentence,) = found.sentences
    assert sentence.source_words == ("A", "dog", "runs", ".")
    np.testing.assert_allclose(found.attention, np.eye(4), atol=1e-6)
    assert sentence.log_prob == pytest.approx(5 * math.log(SURE), rel=1e-5)  # four pieces and the end
    assert not found.notes


def test_a_text_keeps_what_stands_between_its_sentences(translator):
    text = "  A dog runs. Two dogs run!\n\n12:30\n\nA cat sleeps."
    found = translator.translate(text)
    assert found.text == "  Ein Hund rennt. Zwei Hunde rennen!\n\n12:30\n\nEin Katze schläft."
    assert [len(sentence.words) for sentence in found.sentences] == [4, 4, 1, 4]
    assert found.attention.shape == (13, 13)
    assert found.sentences[2].words[0].copied


def test_a_list_is_searched_for_together_and_keeps_its_order(translator):
    texts = [" ".join(["a dog"] * (1 + number % 5)) for number in range(40)]
    translator.searches.clear()
    assert [found.text for found in translator.translate(texts)] == [
        text.replace("a dog", "ein Hund") for text in texts
    ]
    assert len(translator.searches) < len(texts) / 2


def test_alternatives_are_the_next_best(translator):
    found = translator.translate("A dog runs.", TranslateOptions(n_best=3))
    assert len(found.alternatives) == 2
    assert len({found.text, *(other.text for other in found.alternatives)}) == 3
    assert found.sentences[0].log_prob > max(other.log_prob for other in found.alternatives)


def test_a_glossary_is_forced_where_its_term_stands(translator):
    options = TranslateOptions(glossary={"dog": "Katze", "man": "Hunde"})
    assert "Katze" in translator.translate("A dog runs.", options).text
    assert translator.translate("A cat sleeps.", options).text == "Ein Katze schläft."
    assert translator.translate("dogs", options).text == "Hunde"  # “dog” is no word of it


def test_a_glossary_that_cannot_be_met_is_a_sentence(translator):
    terms = [(f"dog{letter}", f"Hund{letter}") for letter in "abcdefghi"]
    with pytest.raises(InputError, match=r"the glossary cannot be met in “.*”: at most 8 words"):
        translator.translate(" ".join(term for term, _ in terms), TranslateOptions(glossary=terms))


def test_what_the_model_cannot_know_is_copied(translator):
    right = translator.answers
    translator.answers = right.clone()
    for mark in ("@", "."):  # which the model now gets wrong
        translator.answers[translator.vocabulary.encode(f"x{mark}")[-1]] = translator.vocabulary.encode("a-")[-1]
    try:
        found = translator.translate("the dog@home.org runs")
    finally:
        translator.answers = right
    assert found.text == "der dog@home.org rennt"
    assert [word.copied for word in found.words] == [False, True, False]
    assert found.attention.shape == (3, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty"),
        ("\n \n", "the text is empty"),
        ("x" * 10_000, "10,000 characters"),
        (3, "a text is expected, or a list of texts, not int"),
        (["A dog.", 3], "a text is expected"),
        (["A dog.", ""], "the text is empty"),
        ("half \ud800 of a pair", "half a surrogate pair"),
    ],
)
def test_bad_texts_are_one_sentence(translator, text, message):
    with pytest.raises(InputError, match=message):
        translator.translate(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beam": 0}, "beam must be from 1 to 1000, and is 0"),
        ({"n_best": 6}, "n_best is 6"),
        ({"length_penalty": -1}, "length_penalty must be 0 or more"),
        ({"coverage": -1}, "coverage must be 0 or more"),
        ({"glossary": {"dog": " "}}, "empty term beside “dog”"),
    ],
)
def test_bad_options_are_one_sentence(change, message):
    with pytest.raises(InputError, match=message):
        TranslateOptions(**change)


def test_another_language_is_doubted(translator):
    (note,) = translator.translate("Der Hund ist nicht im Haus.").notes
    assert "looks like German" in note


def test_json_and_html(translator):
    found = translator.translate("A dog < runs >.", TranslateOptions(n_best=2))
    line = json.loads(found.json(name="a.txt", attention=True))
    assert line["name"] == "a.txt"
    sentence = line["sentences"][0]
    assert [word["text"] for word in sentence["words"]] == ["Ein", "Hund", "<", "rennt", ">", "."]
    assert np.array(sentence["attention"]).shape == (6, 6)
    assert len(sentence["alternatives"]) == 1
    assert "&lt; runs &gt;" in found._repr_html_()


def test_coverage_prefers_what_looks_at_every_part():
    """Two translations of the same probability: the second looks at both parts of the source."""
    import torch

    from lstm_models.tasks.translation import decoding

    class Twin(ScriptedTranslator):
        def forward(self, source, source_lengths, target):
            log_p = torch.zeros(*target.shape, len(self.vocabulary))
            looks = torch.zeros(len(target), target.size(1), source.size(1))
            looks[0, :, 0] = 1
            looks[1, :, :2] = 0.5
            return log_p, looks

    twin = Twin()
    item = decoding.SourceItem(0, "a dog", [*twin.vocabulary.encode("a dog"), 2], ())
    both = [tuple(twin.vocabulary.encode("ein ein")), tuple(twin.vocabulary.encode("ein Hund"))]
    for coverage, text in ((0.0, "ein ein"), (0.2, "ein Hund")):
        (found,) = decoding.ranked(twin, [item], [both], TranslateOptions(coverage=coverage))
        assert found.text == text
