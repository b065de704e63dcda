"""Tests of questions about stories."""

from __future__ import annotations

import pytest
import torch

from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.stories import Story, StoryAnswerer, StoryAnswererConfig, collate

CONFIG = StoryAnswererConfig("mary john went to the garden kitchen where is", "garden kitchen", 8, 6, 2, longest=3)
STORY = Story(("Mary went to the garden.", "John went to the kitchen."), "Where is Mary?", "garden", (0,))
OTHER = Story(("John went to the garden.",), "Where is John?", "garden", (0,))


@pytest.fixture
def answerer():
    torch.manual_seed(0)
    return StoryAnswerer(CONFIG).eval()


def test_a_sentence_is_read_once_for_all_stories(answerer):
    items = [answerer.encoder(STORY), answerer.encoder(STORY._replace(question="Where is John?"))]
    batch = collate(items)
    assert len(batch["texts"]) == 4  # two sentences, two questions
    assert batch["sentences"].tolist() == [[0, 1], [0, 1]]
    assert batch["facts"].tolist() == [[1, 0], [1, 0]]


def test_padding_does_not_matter(answerer):
    with torch.no_grad():
        together, looks = answerer(collate([answerer.encoder(STORY), answerer.encoder(OTHER)]))
        alone, _ = answerer(collate([answerer.encoder(OTHER)]))
    torch.testing.assert_close(together[1], alone[0], atol=1e-5, rtol=1e-4)
    assert looks[1, :, 1].tolist() == [0, 0]
    assert together.exp().sum(1).tolist() == pytest.approx([1, 1])


def test_of_a_long_story_the_last_sentences_are_read(answerer):
    long = STORY._replace(sentences=(*["Mary went to the kitchen."] * 3, *STORY.sentences), facts=(0, 3))
    item = answerer.encoder(long)
    assert len(item.sentences) == 3
    assert item.facts == (1,)


def test_an_answer_and_its_looks(answerer):
    found = answerer.answer("Where is Mary?", "Mary went to the garden. John went to the kitchen.")
    assert found.text in ("garden", "kitchen")
    assert found.confidence + sum(value for _, value in found.alternatives) == pytest.approx(1)
    assert len(found.attention) == 2
    assert [sum(hop) for hop in found.attention] == pytest.approx([1, 1])
    assert found.sentences == STORY.sentences


def test_the_loss_draws_looks_to_the_facts(answerer):
    batch = collate([answerer.encoder(STORY)])
    log_probs, looks = answerer(batch)
    answerer.train()
    answerer.dropout.p = 0
    answerer.config = StoryAnswererConfig(**{**vars(CONFIG), "dropout": 0.0})
    answerer.reader.dropout = type(answerer.reader.dropout)()
    wanted = -log_probs[0, 0] - (looks.mean(1)[0, 0] + 1e-6).log()
    assert float(answerer.loss(batch)["loss"]) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize(("question", "story"), [("", "Mary left."), ("Where?", " "), ("Where?", [])])
def test_bad_input_is_one_sentence(answerer, question, story):
    with pytest.raises(InputError, match="is empty"):
        answerer.answer(question, story)
