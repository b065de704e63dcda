"""Text normalisation: what is read aloud, in the letters a recogniser writes."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_datasets.speech.text_normalizer import ALPHABET, characters_outside, normalize

SPEECH = Path(__file__).parents[4] / "shared" / "data" / "speech"

READ_ALOUD = {
    # numbers
    "7 cats, 21 dogs and 1,234,567 mice": "seven cats twenty one dogs and one million two hundred and thirty four "
    "thousand five hundred and sixty seven mice",
    "3.14 and .5": "three point one four and zero point five",
    "-5 degrees; 5-6 days; 10–12": "minus five degrees five to six days ten to twelve",
    "007 and 555-1234": "zero zero seven and five five five one two three four",
    "1st 2nd 3rd 11th 21st 1,000th": "first second third eleventh twenty first one thousandth",
    "1/2 of 3 1/2, 2/3, ¾": "one half of three and a half two thirds three quarters",
    "No. 5, Nos. 6 and 7, p. 3, #1": "number five numbers six and seven page three number one",
    "B2 and mp3": "b two and mp three",
    # years
    "in 1984, 1905, 1900, 2005": "in nineteen eighty four nineteen oh five nineteen hundred two thousand and five",
    "the 1980s and the '90s": "the nineteen eighties and the nineties",
    "1914-18": "nineteen fourteen to eighteen",
    "July 4, 1776; Sept. 15.": "july fourth seventeen seventy six september fifteenth",
    # money, percentages, times, units
    "$1, $2.50, $0.99, $5 million": "one dollar two dollars and fifty cents ninety nine cents five million dollars",
    "£3.50 or €20 or 5¢": "three pounds fifty or twenty euros or five cents",
    "50% or 2.5 %": "fifty percent or two point five percent",
    "5:30 p.m., 12:00, 7:05, 10 am": "five thirty p m twelve o'clock seven oh five ten a m",
    "10 km, 1 kg, 6 ft., 20°C": "ten kilometers one kilogram six feet twenty degrees celsius",
    "60mph": "sixty miles an hour",
    # abbreviations
    "Mr. and Mrs. Smith, Dr Who": "mister and missus smith doctor who",
    "MR PIKE SAID ETC": "mister pike said et cetera",
    "St. Paul's in Main St.": "saint paul's in main street",
    "J. R. R. Tolkien of the U.S.A.": "j r r tolkien of the u s a",
    "Smith & Co. vs. Jones, i.e. us": "smith and company versus jones that is us",
    "Henry VIII, Chapter XIV, World War II": "henry the eighth chapter fourteen world war two",
    "the scene I saw, King George I think": "the scene i saw king george i think",
    "He said no. It was most gen.": "he said no it was most general",
    # letters
    "naïve café, Łódź, Æsop, straße, ﬁne": "naive cafe lodz aesop strasse fine",
    "well-known — state‑of‑the‑art": "well known state of the art",
    "DON’T O`CLOCK need'st": "don't o'clock need'st",
    # quotation marks
    "'Hello,' he said, 'you.'": "hello he said you",
    "‘Tis the boys’ rock ’n’ roll": "'tis the boys' rock 'n' roll",
    "''quoted'' \"too\" «and» this": "quoted too and this",
    "😀 hi @ home ♥": "hi at home",
    "": "",
    "…!?": "",
}


@pytest.mark.parametrize("written", READ_ALOUD)
def test_what_is_read_aloud(written: str) -> None:
    assert normalize(written) == READ_ALOUD[written]


@given(st.text(max_size=60))
def test_any_text_comes_out_in_the_alphabet_and_stays_as_it_is(text: str) -> None:
    said = normalize(text)
    assert set(said) <= set(ALPHABET)
    assert said == " ".join(said.split())
    assert normalize(said) == said


@given(st.integers(0, 10**18), st.sampled_from(["{}", "${}", "{}%", "{:,}", "{}th", "1.{}", "{}/7", "{}:30", "-{}"]))
def test_no_digit_is_left_or_lost(number: int, form: str) -> None:
    assert normalize(form.format(number))


def test_other_scripts_are_named() -> None:
    assert characters_outside("naïve Łódź £5 ½ ﬁne ‘so’ — ok… 😀") == ""
    assert characters_outside("привет мир") == "приветм"
    assert characters_outside("two 你好 你") == "你好"
    assert characters_outside("٣ cats") == "٣"


@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs ../shared/data/speech")
def test_librispeech_is_left_as_it_is() -> None:
    with tarfile.open(SPEECH / "dev-librispeech_clean-000.tar") as tar:
        texts = [json.load(tar.extractfile(each))["text"] for each in tar if each.name.endswith(".json")]  # type: ignore[arg-type]
    assert len(texts) == 130
    assert [normalize(text) for text in texts] == [text.lower() for text in texts]
