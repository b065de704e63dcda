import pytest

from lstm_datasets.punctuation.dataset import PunctuationPieces, mixed_case_words
from lstm_models.tasks.punctuation.config import PunctuatorConfig
from lstm_models.tasks.punctuation.features import LOWER, MARKS, MIXED, TITLE, parse
from lstm_models.tasks.punctuation.model import Punctuator
from lstm_models.tasks.punctuation.network import IGNORED

TEXT = "So I like Paris, my iPhone and McCain. NASA said no! We left; it rained. " * 20


@pytest.fixture(scope="module")
def network():
    words = "so i like paris my iphone and mccain nasa said no we left it rained"
    return Punctuator(PunctuatorConfig(words, "iPhone", 4, 2, 8, hidden_size=2, layers=1))


def test_items_are_pieces_of_the_text_with_their_labels(network):
    words = parse(TEXT)
    pieces = PunctuationPieces([words], network, length=30)
    assert len(pieces) == len(words) // 30
    assert pieces.lengths == [31] * len(pieces)
    ended = begun = 0
    for epoch in range(20):
        pieces.set_epoch(epoch)
        for index in range(len(pieces)):
            item = pieces[index]
            first, last, over = pieces.cut(index)
            assert 1 <= last - first <= 30
            ids, _ = network.encode([word.text for word in words[first:last]], end=over)
            assert item["words"].tolist() == ids.tolist()
            marks = [MARKS[label] for label in item["marks"].tolist() if label != IGNORED]
            assert marks == [word.mark for word in words[first:last]]
            assert (item["marks"][-1] == IGNORED) == over
            if over:
                assert words[last - 1].mark in ".?!"
            ended, begun = ended + over, begun + (first == 0 or words[first - 1].mark in (".", "!"))
    assert 0.3 < ended / (20 * len(pieces)) < 0.7
    assert begun / (20 * len(pieces)) > 0.4


def test_the_same_epoch_gives_the_same_cuts_and_another_others(network):
    pieces = PunctuationPieces([parse(TEXT)], network, length=30)
    cuts = [pieces.cut(index) for index in range(len(pieces))]
    assert cuts == [pieces.cut(index) for index in range(len(pieces))]
    pieces.set_epoch(1)
    assert cuts != [pieces.cut(index) for index in range(len(pieces))]


def test_case_counts_where_it_tells_something_of_the_word(network):
    words = parse("So I like Paris and iPhone, McCain. NASA said. We left. I left.")
    pieces = PunctuationPieces([words], network, length=13)
    labels = dict(zip([word.text for word in words[:11]], pieces.cases.tolist(), strict=False))
    assert labels["So"] == labels["We"] == IGNORED  # they begin sentences
    assert labels["I"] == pieces.cases[-2] == TITLE  # always so
    assert labels["NASA"] == 2  # at the start of a sentence, too
    assert labels["like"] == LOWER
    assert labels["Paris"] == TITLE
    assert labels["iPhone"] == MIXED
    assert labels["McCain"] == TITLE  # not among the words of mixed case


def test_mixed_case_words_are_those_mostly_written_so():
    documents = [parse("iPhone " * 5 + "McCain " * 4 + "ABc " * 2 + "iPad ipad ipad iPad ipad")]
    assert mixed_case_words(documents) == "iPhone McCain"


def test_a_text_shorter_than_a_piece_is_one(network):
    pieces = PunctuationPieces([parse("We left.")], network, length=100)
    assert len(pieces) == 1
    assert len(pieces[0]["words"]) in (2, 3)
