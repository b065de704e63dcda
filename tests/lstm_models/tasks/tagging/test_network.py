import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.tasks.tagging.config import TaggerConfig
from lstm_models.tasks.tagging.features import NAMES, POS_TAGS
from lstm_models.tasks.tagging.model import Tagger
from lstm_models.tasks.tagging.network import UNLABELED, collate

FIRST, SECOND = ["Anna", "saw", "Paris"], ["the", "cat", "sat", "on", "the", "mat"]
INPUTS = ("words", "spellings", "spelling_lengths", "places", "lengths")


def network():
    torch.manual_seed(0)
    sizes = {"embedding_size": 6, "character_size": 4, "spelling_size": 5, "hidden_size": 7, "layers": 1}
    return Tagger(TaggerConfig("anna cat the paris", "Aanstceihomrp", **sizes)).eval()


def item(model, words, **labels):
    return {**model.encode(words), **labels}


def test_a_batch_reads_each_spelling_once_and_padding_changes_nothing():
    model = network()
    batch = collate([item(model, FIRST), item(model, SECOND)])
    assert len(batch["spellings"]) == len({*FIRST, *SECOND})
    alone = collate([item(model, FIRST)])
    for both, single in zip(model(*(batch[n] for n in INPUTS)), model(*(alone[n] for n in INPUTS)), strict=True):
        torch.testing.assert_close(both[:1, :3], single)


def test_case_reaches_the_network_by_the_spelling_alone():
    model = network()
    upper, lower = (model.encode([word]) for word in ("Anna", "anna"))
    assert upper["words"] == lower["words"]
    assert upper["characters"] != lower["characters"]


def test_loss_counts_what_is_labelled():
    """The sum of the chains' log likelihoods of one sentence with tags and one with names, each by itself."""
    model = network()
    tags = [POS_TAGS.index(tag) for tag in ("PROPN", "VERB", "PROPN")]
    names = [NAMES.index(name) for name in ("O", "O", "O", "O", "B-LOC", "I-LOC")]
    batch = collate([item(model, FIRST, pos=tags), item(model, SECOND, names=names)])
    assert batch["names"][0].tolist() == [UNLABELED] * 6
    result = model.loss(batch)
    pos, _, _ = model(*(collate([item(model, FIRST)])[n] for n in INPUTS))
    _, named, _ = model(*(collate([item(model, SECOND)])[n] for n in INPUTS))
    expected = -model.pos_chain.log_likelihood(pos, torch.tensor([tags]))
    expected = expected - model.name_chain.log_likelihood(named, torch.tensor([names]))
    torch.testing.assert_close(result["loss"], expected[0])
    assert (int(result["points"]), int(result["lines"])) == (9, 2)
    assert (int(result["pos_there"]), int(result["names_there"])) == (3, 1)
    result["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_word_vectors_learn_slower_than_the_rest():
    model = network()
    groups = model.parameter_groups()
    assert [group.get("scale", 1.0) for group in groups] == [1.0, 0.1]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_save_and_load(tmp_path):
    model = network()
    hub.save(model, tmp_path / "model", card="# T\n\nA tagger.", half=False)
    assert hub.load(tmp_path / "model").tag("Anna saw the cat.") == model.tag("Anna saw the cat.")


@pytest.mark.parametrize("options", [{"hidden_size": 0}, {"word_dropout": 1.0}, {"characters": "aa"}])
def test_config_refuses(options):
    with pytest.raises(ValueError, match=f"model: {next(iter(options))}"):
        TaggerConfig(**options)


def test_a_class_is_read_from_the_largest_value_of_each_feature():
    torch.manual_seed(0)
    sizes = {"embedding_size": 6, "character_size": 4, "spelling_size": 5, "hidden_size": 7, "layers": 1}
    model = Tagger(TaggerConfig("anna cat", "abc", classes="bad good", **sizes)).eval()
    seen = []
    model.lstm.register_forward_hook(lambda module, inputs, output: seen.append(output[0]))
    batch = collate([item(model, FIRST, label=1), item(model, SECOND)])
    *_, classes = model(*(batch[n] for n in INPUTS))
    expected = model.class_head(seen[0][0, :3].max(0).values)
    torch.testing.assert_close(classes[0], expected)
    result = model.loss(batch)
    torch.testing.assert_close(result["loss"], -expected.log_softmax(-1)[1])
    assert (int(result["labels_there"]), int(result["labels_right"])) == (1, int(expected.argmax()))


def test_a_class_alone_is_none():
    with pytest.raises(ValueError, match="two or more different words, not 'good'"):
        TaggerConfig(classes="good")
