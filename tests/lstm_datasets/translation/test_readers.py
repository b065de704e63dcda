import gzip
import lzma

import pytest

from lstm_datasets.translation.dataset import TranslationPairs
from lstm_datasets.translation.readers import read_pairs
from lstm_models.errors import InputError
from lstm_models.text.word_pieces import END, WordPieces

PAIRS = [("A dog.", "Ein Hund."), ("Yes!", "Ja!")]
TMX = """<?xml version="1.0"?><tmx version="1.4"><header/><body>
<tu><tuv xml:lang="EN-US"><seg>A <bpt i="1"/>dog.</seg></tuv><tuv xml:lang="de"><seg>Ein Hund.</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>No German</seg></tuv><tuv xml:lang="fr"><seg>Pas d'allemand</seg></tuv></tu>
<tu><tuv lang="de_AT"><seg>Ja!</seg></tuv><tuv lang="en"><seg>Yes!</seg></tuv></tu>
</body></tmx>"""


def test_tsv_with_further_columns_and_empty_sides(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("A dog.\tEin Hund.\tCC-BY\n\n\tleer\nYes!\tJa!\r\n", "utf-8")
    assert read_pairs(path, "en", "de") == PAIRS


def test_two_files_by_a_common_beginning_and_by_their_names(tmp_path):
    (tmp_path / "train.en").write_text("A dog.\nYes!\n", "utf-8")
    with lzma.open(tmp_path / "train.de.xz", "wt", encoding="utf-8") as file:
        file.write("Ein Hund.\nJa!\n")
    assert read_pairs(tmp_path / "train", "en", "de") == PAIRS
    assert read_pairs(f"{tmp_path}/train.en,{tmp_path}/train.de.xz", "en", "de") == PAIRS
    assert read_pairs(tmp_path / "train", "de", "en") == [pair[::-1] for pair in PAIRS]


def test_tmx_finds_its_languages_whatever_their_regions(tmp_path):
    path = tmp_path / "memory.tmx"
    path.write_text(TMX, "utf-8")
    assert read_pairs(path, "en", "de") == PAIRS
    packed = tmp_path / "memory.tmx.gz"
    packed.write_bytes(gzip.compress(TMX.encode()))
    assert read_pairs(packed, "en", "fr") == [("No German", "Pas d'allemand")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", b"no tab here\n", "line 1 of .* is not a pair"),
        ("a.tsv", b"\n\n", "has no pair of sentences in en and de"),
        ("a.tsv", b"\xff\xfe", "cannot be read"),
        ("a.tsv", b"a\0b\tc", "zero bytes"),
        ("a.tsv.xz", b"no xz", "cannot be read"),
        ("a.tsv.gz", b"no gzip", "cannot be read"),
        ("a.tmx", b"<tmx><tu>", "is not TMX"),
        ("a.tmx", TMX.replace("de", "xx").encode(), "has no pair"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_pairs(path, "en", "de")


def test_missing_files_and_unequal_ones(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs(tmp_path / "nothing", "en", "de")
    (tmp_path / "t.en").write_text("a\nb\n")
    with pytest.raises(InputError, match=r"t\.de is not there"):
        read_pairs(tmp_path / "t", "en", "de")
    (tmp_path / "t.de").write_text("a\n")
    with pytest.raises(InputError, match=r"2 lines and .* 1"):
        read_pairs(tmp_path / "t", "en", "de")


def test_items_are_pieces_with_their_ends_and_long_ones_are_left_out():
    pieces = WordPieces.train(["ab ab"], 260)
    data = TranslationPairs(read_pairs_of([("ab", "b"), ("a" * 200, "b")]), pieces, 50, [2, 1])
    assert len(data) == 1
    assert data.counts == [2]
    assert data[0]["source"].tolist() == [*pieces.encode("ab"), END]
    assert data[0]["target"].tolist() == [*pieces.encode("b"), END]
    assert data.lengths == [max(len(data[0]["source"]), len(data[0]["target"]))]


def read_pairs_of(pairs):
    from lstm_datasets.translation.readers import SentencePair

    return [SentencePair(*pair) for pair in pairs]
