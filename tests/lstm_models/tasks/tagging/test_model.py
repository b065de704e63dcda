import json
import math

import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.tagging.conllu import fill_conllu, read_conllu
from lstm_models.tasks.tagging.decoding import scores
from lstm_models.tasks.tagging.features import POS_TAGS
from tests.helpers.scripted_text import ScriptedTagger

TEXT = "Angela  Merkel visited Paris. NASA"


@pytest.fixture(scope="module")
def tagger():
    return ScriptedTagger()


def test_tag_finds_words_sentences_and_names(tagger):
    tagged = tagger.tag(TEXT)
    assert str(tagged) == "Angela/PROPN Merkel/PROPN visited/VERB Paris/PROPN ./PUNCT NASA/PROPN"
    assert [len(sentence) for sentence in tagged.sentences] == [5, 1]
    assert [(entity.text, entity.kind, entity.first, entity.last) for entity in tagged.entities] == [
        ("Angela Merkel", "PER", 0, 2), ("Paris", "LOC", 3, 4), ("NASA", "ORG", 5, 6),
    ]  # fmt: skip
    assert [TEXT[token.start :].startswith(token.text) for token in tagged.tokens] == [True] * 6


def test_a_list_of_words_is_taken_as_it_is(tagger):
    tagged = tagger.tag(["Angela", "Merkel", "visited Paris"])
    assert [token.text for token in tagged.tokens] == ["Angela", "Merkel", "visited Paris"]
    assert tagged.tokens[0].start is None
    assert tagged.entities[0].text == "Angela Merkel"


def test_confidence_is_the_chain_s_probability(tagger):
    """Chains without transitions are a softmax at each place: 5 nats above the other 16."""
    token = tagger.tag("Angela").tokens[0]
    assert token.confidence == pytest.approx(math.exp(5) / (math.exp(5) + 16), rel=1e-4)


@pytest.mark.parametrize("count", [1, 199, 200, 201, 350, 351, 1001])
def test_windows_cover_a_sentence_of_any_length(tagger, count):
    words = (["Angela", "visited", "Paris", "."] * count)[:count]
    ((pos, names, _),) = scores(tagger, [words])
    assert len(pos) == len(names) == count
    assert [POS_TAGS[tag] for tag in pos.argmax(-1)] == (["PROPN", "VERB", "PROPN", "PUNCT"] * count)[:count]


def test_many_sentences_keep_their_order(tagger):
    sentences = [["Angela"] * (1 + number % 7) + ["visited"] for number in range(300)]
    found = tagger.tag_sentences(sentences).sentences
    assert [[token.text for token in sentence] for sentence in found] == sentences
    assert all(sentence[-1].pos == "VERB" for sentence in found)


def test_txt_and_json(tagger):
    tagged = tagger.tag(TEXT)
    assert tagged.txt() == (
        "[Angela/PROPN Merkel/PROPN PER] visited/VERB [Paris/PROPN LOC] ./PUNCT\n[NASA/PROPN ORG]\n"
    )
    read = json.loads(tagged.json(source="a.txt"))
    assert read["source"] == "a.txt"
    assert read["entities"][0] == {
        "text": "Angela Merkel", "kind": "PER", "first": 0, "last": 2, "confidence": pytest.approx(0.97, abs=0.02),
    }  # fmt: skip
    assert "PER" in tagged._repr_html_()


def test_conllu_has_ten_columns_and_can_be_read_again(tagger):
    tagged = tagger.tag(TEXT)
    lines = tagged.conllu().split("\n")
    assert lines[0:2] == ["# sent_id = 1", "# text = Angela Merkel visited Paris."]
    assert lines[2] == "1\tAngela\t_\tPROPN\t_\t_\t_\t_\t_\tEntity=B-PER"
    assert lines[5] == "4\tParis\t_\tPROPN\t_\t_\t_\t_\t_\tEntity=B-LOC|SpaceAfter=No"
    assert read_conllu(tagged.conllu()) == [["Angela", "Merkel", "visited", "Paris", "."], ["NASA"]]


def test_conllu_is_filled_and_all_else_stays(tagger):
    rows = [
        "# sent_id = x",
        "1-2\tAngelas\t_\t_\t_\t_\t_\t_\t_\t_",
        "1\tAngela\tangela\tX\tNNP\tNumber=Sing\t2\tnsubj\t_\tSpaceAfter=No",
        "1.1\tgone\t_\t_\t_\t_\t_\t_\t_\t_",
        "2\tvisited\tvisit\t_\tVBD\t_\t0\troot\t_\t_",
        "",
        "",
    ]
    content = "\n".join(rows)
    words = read_conllu(content)
    assert words == [["Angela", "visited"]]
    rows[2] = "1\tAngela\tangela\tPROPN\tNNP\tNumber=Sing\t2\tnsubj\t_\tSpaceAfter=No|Entity=B-PER"
    rows[4] = "2\tvisited\tvisit\tVERB\tVBD\t_\t0\troot\t_\t_"
    assert fill_conllu(content, tagger.tag_sentences(words)) == "\n".join(rows)
    windows = content.replace("\n", "\r\n")
    assert fill_conllu(windows, tagger.tag_sentences(read_conllu(windows))) == "\r\n".join(rows)


@pytest.mark.parametrize("content", ["", "# only\n", "1\tone\n", "1 Angela _ X\n", "1\t\t_\t_\t_\t_\t_\t_\t_\t_\n"])
def test_what_is_not_conllu(content):
    with pytest.raises(InputError, match="CoNLL-U"):
        read_conllu(content)


@pytest.mark.parametrize("text", ["", " \n\t", [], [""], ["a", " "], None, 7, ["a", 3], b"abc"])
def test_bad_input_is_one_sentence(tagger, text):
    with pytest.raises(InputError, match=r"empty|a text is expected, or a list of words"):
        tagger.tag(text)


@pytest.mark.parametrize("text", ["...", "😀", "1 2 3", "a" * 10_000, "日本語", "\x00\x01", "e\u0301"])
def test_odd_texts_are_tagged(tagger, text):
    assert "".join(token.text for token in tagger.tag(text).tokens) == "".join(text.split())


def test_a_text_in_another_language_says_so(tagger):
    assert tagger.tag("der hund geht nicht nach hause").notes


def test_the_stack_runs_in_onnxruntime(tmp_path):
    """The bundled tagger's LSTM, exported, gives what it gives here."""
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    from lstm_models.export import export_onnx

    lstm = hub.load("tagger").lstm
    session = onnxruntime.InferenceSession(str(export_onnx(lstm, tmp_path / "tagger.onnx")))
    x, lengths, state = torch.randn(2, 7, lstm.input_size), torch.tensor([7, 4]), lstm.initial_state(2)
    given = {"x": x, "lengths": lengths, "h": state.h.detach(), "c": state.c.detach()}
    output = session.run(None, {name: value.numpy() for name, value in given.items()})[0]
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(output), lstm(x, lengths=lengths)[0], atol=1e-4, rtol=0)


def test_the_bundled_tagger_knows_names_with_and_without_capitals():
    tagger = hub.load("tagger")
    for text in ("Angela Merkel visited Paris.", "angela merkel visited paris"):
        assert [(entity.text.title(), entity.kind) for entity in tagger.tag(text).entities] == [
            ("Angela Merkel", "PER"),
            ("Paris", "LOC"),
        ]
