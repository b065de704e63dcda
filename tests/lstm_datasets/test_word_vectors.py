import numpy as np
import pytest

from lstm_datasets.word_vectors import read_vectors
from lstm_models.errors import InputError


def test_glove_s_text_format(tmp_path):
    (tmp_path / "a.txt").write_text("the 1 2.5\ncat -3 0\n", encoding="utf-8")
    vectors = read_vectors(tmp_path / "a.txt")
    assert (vectors.words, vectors.size) == (("the", "cat"), 2)
    assert vectors.get("cat").tolist() == [-3, 0]
    assert vectors.get("dog") is None


def test_eight_bits_with_a_scale_a_word(tmp_path):
    np.savez(tmp_path / "a.npz", words=np.array("the\ncat"), vectors=np.array([[1, 2], [3, -4]], dtype=np.int8),
             scale=np.array([0.5, 2.0]))  # fmt: skip
    assert read_vectors(tmp_path / "a.npz").get("cat").tolist() == [6, -8]


@pytest.mark.parametrize("content", ["the 1 2\ncat 1\n", "the x y\n", ""])
def test_bad_files_are_one_sentence(tmp_path, content):
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(InputError, match="not a file of word vectors"):
        read_vectors(tmp_path / "a.txt")
    with pytest.raises(InputError, match="not a file of word vectors"):
        read_vectors(tmp_path / "none.npz")
