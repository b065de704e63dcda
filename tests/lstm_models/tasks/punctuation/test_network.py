import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.tasks.punctuation.config import PunctuatorConfig
from lstm_models.tasks.punctuation.model import Punctuator
from lstm_models.tasks.punctuation.network import IGNORED, collate, group_log_probs

WORDS = ["hello", "how", "are", "you", "i", "am", "fine", "thanks"]


def network(**options):
    torch.manual_seed(0)
    sizes = {"embedding_size": 6, "ending_size": 3, "ending_buckets": 16, "hidden_size": 5}
    return Punctuator(PunctuatorConfig(vocabulary=" ".join(WORDS), **sizes, **options)).eval()


def items(model, *lengths):
    made = []
    for length in lengths:
        words, endings = model.encode(WORDS[:length])
        labels = torch.arange(len(words)) % 3
        labels[-1] = IGNORED  # the end of the text
        made.append({"words": words, "endings": endings, "marks": labels, "cases": labels})
    return made


@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_lookahead_is_what_is_seen_and_no_more(lookahead):
    model = network(lookahead=lookahead)
    words, endings = (each[None] for each in model.encode(WORDS, end=False))
    marks, _ = model(words, endings)
    for changed in range(1, len(WORDS)):
        other = words.clone()
        other[0, changed] = 1
        moved, _ = model(other, endings)
        same = (moved == marks).all(-1)[0].tolist()
        first = max(0, changed - lookahead)
        assert all(same[:first])
        assert not same[first]


def test_both_directions_see_all():
    model = network()
    words, endings = (each[None] for each in model.encode(WORDS, end=False))
    other = words.clone()
    other[0, -1] = 1
    assert not (model(other, endings)[0][0, 0] == model(words, endings)[0][0, 0]).all()


@pytest.mark.parametrize("lookahead", [None, 2])
def test_padding_changes_nothing(lookahead):
    model = network(lookahead=lookahead)
    batch = collate(items(model, 3, 8))
    alone = collate(items(model, 3))
    both = model(batch["words"], batch["endings"], batch["lengths"])
    for together, single in zip(both, model(alone["words"], alone["endings"], alone["lengths"]), strict=True):
        torch.testing.assert_close(together[0, :4], single[0])


def test_loss_is_the_cross_entropy_of_marks_and_cases():
    model = network()
    batch = collate(items(model, 3, 8))
    result = model.loss(batch)
    with torch.no_grad():
        marks, cases = model(batch["words"], batch["endings"], batch["lengths"])
    expected = 0.0
    for row, length in enumerate((3, 8)):
        for place in range(length):
            expected -= float(marks[row, place, place % 3] + cases[row, place, place % 3])
    assert float(result["loss"].detach()) == pytest.approx(expected, rel=1e-5)
    assert (int(result["points"]), int(result["lines"])) == (11, 2)
    found, there = group_log_probs(marks).argmax(-1), batch["marks"]
    assert int(result["marks_right"]) == int(((found == there) & (there > 0)).sum())
    assert int(result["marks_there"]) == int((there > 0).sum())
    assert int(result["marks_found"]) == int(((found > 0) & (there != IGNORED)).sum())


def test_groups_add_the_probabilities_of_their_marks():
    probabilities = torch.tensor([0.05, 0.1, 0.2, 0.3, 0.15, 0.12, 0.08])  # "" , . ? ! : ;
    torch.testing.assert_close(group_log_probs(probabilities.log()).exp(), torch.tensor([0.05, 0.22, 0.43, 0.3]))


def test_save_and_load(tmp_path):
    model = network(offsets=(0.1, 0.0, -0.2))
    hub.save(model, tmp_path / "model", card="# P\n\nA punctuator.", half=False)
    loaded = hub.load(tmp_path / "model")
    assert loaded.config == model.config
    assert loaded.punctuate("hello how are you").words == model.punctuate("hello how are you").words


@pytest.mark.parametrize("options", [{"hidden_size": 0}, {"lookahead": -1}, {"dropout": 1.0}, {"ending_size": -1}])
def test_config_refuses(options):
    with pytest.raises(ValueError, match=f"model: {next(iter(options))}"):
        PunctuatorConfig(**options)
