import lzma

import pytest

from lstm_datasets.tagging.dataset import TaggedSentences
from lstm_datasets.tagging.readers import LabeledSentence, merge_labels, read_sentences
from lstm_models.errors import InputError
from lstm_models.tasks.tagging.config import TaggerConfig
from lstm_models.tasks.tagging.features import NAMES, POS_TAGS
from lstm_models.tasks.tagging.model import Tagger

CONLLU = """# sent_id = 1
# text = He can't.
1\tHe\the\tPRON\tPRP\t_\t2\tnsubj\t_\t_
2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
2\tca\tcan\tAUX\tMD\t_\t0\troot\t_\t_
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_

1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_
"""


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


def test_conllu_without_ranges_and_empty_words(tmp_path):
    assert read_sentences(write(tmp_path / "a.conllu", CONLLU)) == [
        LabeledSentence(("He", "ca", "n't"), ("PRON", "AUX", "PART")),
        LabeledSentence(("Yes",), ("INTJ",)),
    ]


def test_universal_ner(tmp_path):
    content = "# sent_id = x\n# text = In Tampa Bay\n1\tIn\tO\t-\t-\n2\tTampa\tB-LOC\t-\tx\n3\tBay\tI-LOC\t-\tx\n"
    with lzma.open(tmp_path / "a.iob2.xz", "wt") as file:
        file.write(content)
    assert read_sentences(tmp_path / "a.iob2.xz") == [
        LabeledSentence(("In", "Tampa", "Bay"), names=("O", "B-LOC", "I-LOC"))
    ]


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("The O|Mad I-ORG|Band I-ORG|of O|Japan I-LOC|Tokyo I-LOC", "O B-ORG I-ORG O B-LOC I-LOC"),  # WikiGold's IO
        ("Punk I-MISC|Band I-ORG", "O B-ORG"),  # MISC is none
        ("Al\tB-person|Gore\tI-person|Word\tB-product|Inc\tB-corporation|FC\tB-group", "B-PER I-PER O B-ORG B-ORG"),
        ("@bob\tB-PER|Bob\tB-PER", "O B-PER"),  # an account is none
        ("#\tO|x\tO", "O O"),  # a word that is a hash is no comment
    ],
)
def test_entities_of_other_sets(tmp_path, rows, names):
    (sentence,) = read_sentences(write(tmp_path / "a.conll", rows.replace("|", "\n") + "\n\n"))
    assert sentence.names == tuple(names.split())
    assert sentence.pos is None


def test_labels_of_the_same_sentences_are_put_together():
    first = [LabeledSentence(("a", "b"), ("X", "X")), LabeledSentence(("c",), ("X",))]
    second = [LabeledSentence(("a", "b"), names=("O", "B-LOC"))]
    assert merge_labels(first, second) == [
        LabeledSentence(("a", "b"), ("X", "X"), ("O", "B-LOC")),
        LabeledSentence(("c",), ("X",)),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.conllu", "1\tHe\the\tNOPE\t_\t_\t_\t_\t_\t_\n"),
        ("a.conllu", "1\tHe\n"),
        ("a.iob2", "1\tHe\n"),
        ("a.conll", "He PER\n"),
        ("none.conll", None),
        ("a.conll.xz", "not packed"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, name, content):
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(InputError, match=name):
        read_sentences(tmp_path / name)


def test_items_in_lower_case_are_others_in_each_epoch():
    tagger = Tagger(TaggerConfig("anna left", "Aanleft", 4, 4, 4, hidden_size=4, layers=1))
    sentence = LabeledSentence(("Anna", "left"), ("PROPN", "VERB"), ("B-PER", "O"))
    data = TaggedSentences([sentence] * 200, tagger, lowercase=0.4)
    assert data.lengths == [2] * 200
    cased, lower = tagger.encode(["Anna", "left"]), tagger.encode(["anna", "left"])
    seen = []
    for epoch in (0, 1):
        data.set_epoch(epoch)
        items = [data[index] for index in range(200)]
        assert all(item["pos"] == [POS_TAGS.index("PROPN"), POS_TAGS.index("VERB")] for item in items)
        assert all(item["names"] == [NAMES.index("B-PER"), 0] for item in items)
        assert all(item["characters"] in (cased["characters"], lower["characters"]) for item in items)
        seen.append([item["characters"] == lower["characters"] for item in items])
    assert seen[0] != seen[1]
    assert 50 < sum(seen[0]) < 110


def test_a_very_long_sentence_is_cut():
    tagger = Tagger(TaggerConfig("a", "a", 4, 4, 4, hidden_size=4, layers=1))
    data = TaggedSentences([LabeledSentence(("a",) * 500, ("X",) * 500)], tagger, longest=150)
    assert data.lengths == [150]
    assert len(data[0]["pos"]) == 150


def test_labelled_texts(tmp_path):
    path = write(tmp_path / "a.tsv", "a good film\t1\nnot a good\tfilm\t0\n")
    assert read_sentences(path) == [
        LabeledSentence(("a", "good", "film"), label="1"),
        LabeledSentence(("not", "a", "good", "film"), label="0"),
    ]
    with pytest.raises(InputError, match="line 2 is not a text, a tab and the one word of its class"):
        read_sentences(write(tmp_path / "b.tsv", "good\t1\nbad\n"))


def test_columns_in_a_tsv_file_are_still_names(tmp_path):
    assert read_sentences(write(tmp_path / "a.tsv", "In\tO\nParis\tB-LOC\n\nYes\tO\n"))[0].names == ("O", "B-LOC")
