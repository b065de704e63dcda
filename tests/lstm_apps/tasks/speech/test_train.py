"""Training a recogniser: the command from shards, on from a model, on one's own files, and with bad ones among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
import torch
from safetensors.torch import save_file

from lstm_apps import cli
from lstm_models.checkpoints import hub
from lstm_models.nn.acoustic_encoder import AcousticEncoder, AcousticEncoderConfig
from lstm_models.tasks.speech.model import Recognizer
from tests.helpers.tiny_speech import RATE, say, sentences, shard

QUICK = [
    *("--model.hidden_size", "48", "--model.layers", "2", "--model.lookahead", "1"),
    *("--model.dropout", "0", "--training.precision", "32", "--training.warmup", "10"),
    *("--training.learning_rate", "5e-3", "--training.batch_frames", "1600", "--augmentation.begin", "99"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on chords, long enough to read most of them."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("speech")
    shard(folder / "train-chords-000.tar", sentences(80))
    shard(folder / "dev-chords-000.tar", sentences(12, seed=7), seed=500)
    run = folder / "run"
    steps = ["--training.steps", "260", "--training.validate_every", "130", "--training.ascending", "true"]
    assert cli.main(["train", "speech", "--data", str(folder), "--run", str(run), *QUICK, *steps]) == 0
    return run


def test_the_command_leaves_a_model_that_reads(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = hub.load(str(trained / "model"))
    assert isinstance(model, Recognizer)
    path = model.log_probs([say("tea nice", seed=3)])[0].argmax(-1)
    letters = [label for place, label in enumerate(path) if label and (place == 0 or path[place - 1] != label)]
    assert "".join(model.config.alphabet[label - 1] for label in letters) == "tea nice"
    assert model.config.features.std != (1.0,)  # fitted to the data
    config = json.loads((trained / "config.json").read_text())
    assert config["task"] == "speech"
    assert "one direction" in (trained / "model" / "README.md").read_text()


def own_files(folder: Path, texts: list[str]) -> Path:
    rows = ["audio,text,speaker"]
    for number, text in enumerate(texts):
        soundfile.write(folder / f"{number}.wav", say(text, seed=100 + number), RATE)
        rows.append(f'{number}.wav,"{text.title()}!",s{number % 5}')
    table = folder / "my.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def test_ones_own_recordings_from_a_model_there_is(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = own_files(tmp_path, sentences(20, seed=9))
    steps = ["--training.steps", "6", "--training.validate_every", "3", "--training.batch_frames", "1600"]
    steps += ["--run", str(tmp_path / "run")]
    done = cli.main(
        ["train", "speech", "--config", "own", "--init", str(trained / "model"), "--data", str(table), *steps]
    )
    told = capsys.readouterr()
    assert done == 0, told.err
    assert "word error rate of" in told.out
    assert "before" in told.out
    was, now = hub.load(str(trained / "model")), hub.load(str(tmp_path / "run" / "model"))
    assert now.config.hidden_size == 48
    assert now.config.features == was.config.features  # what it heard with stays
    assert not torch.equal(now.head.weight, was.head.weight)


def test_convolutions_beside_the_layers_of_a_model_there_is(trained: Path, tmp_path: Path) -> None:
    table = own_files(tmp_path, sentences(20, seed=9))
    steps = ["--training.steps", "3", "--training.validate_every", "3", "--training.batch_frames", "1600"]
    given = ["--init", str(trained / "model"), "--data", str(table), "--run", str(tmp_path / "run"), *steps]
    assert cli.main(["train", "speech", "--config", "own", "--model.convolution", "[2, 3, 4]", *given]) == 0
    grown = hub.load(str(tmp_path / "run" / "model"))
    assert grown.config.convolution == (2, 3, 4)
    assert grown.convolutions.out.weight.abs().max() > 0


def test_interpolation_keeps_a_part_of_what_was(trained: Path, tmp_path: Path) -> None:
    table = own_files(tmp_path, sentences(20, seed=9))
    steps = ["--training.steps", "8", "--training.validate_every", "8", "--training.batch_frames", "1600"]
    steps += ["--training.learning_rate", "0.02"]  # half precision keeps no small moves
    moved = []
    for fraction in ("1", "0.25"):
        run = tmp_path / f"run{fraction}"
        told = ["--data", str(table), "--run", str(run), "--interpolation", fraction, *steps]
        assert cli.main(["train", "speech", "--config", "own", "--init", str(trained / "model"), *told]) == 0
        was, now = hub.load(str(trained / "model")), hub.load(str(run / "model"))
        moved.append((now.head.weight - was.head.weight).abs().mean().item())
    assert moved[1] == pytest.approx(moved[0] / 4, rel=0.1)


ENCODER = [
    *("--model.encoder.size", "16", "--model.encoder.heads", "2", "--model.encoder.blocks", "3"),
    *("--model.encoder.inner", "32", "--model.encoder.rotary", "4", "--model.encoder.tuned", "2"),
    *("--model.hidden_size", "16", "--model.layers", "1", "--model.lookahead", "0", "--training.precision", "32"),
    *("--training.warmup", "2", "--training.steps", "6", "--training.validate_every", "3"),
    *("--training.batch_frames", "600", "--augmentation.bands", "0"),
]


def test_an_encoder_frozen_and_then_tuned(tmp_path: Path) -> None:
    """What stays frozen is the same to the last bit; both runs share what its frozen part hears."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    shard(tmp_path / "train-chords-000.tar", sentences(30))
    shard(tmp_path / "dev-chords-000.tar", sentences(4, seed=7), seed=500)
    encoder = AcousticEncoder(AcousticEncoderConfig(size=16, heads=2, blocks=3, inner=32, rotary=4, tuned=2))
    weights = {name: value.half() for name, value in encoder.state_dict().items()}
    save_file(weights, tmp_path / "encoder.safetensors")
    told = ["train", "speech", "--data", str(tmp_path), "--features", str(tmp_path / "kept"), *ENCODER]
    first = ["--run", str(tmp_path / "one"), "--encoder", str(tmp_path / "encoder.safetensors"), "--frozen", "true"]
    assert cli.main([*told, *first]) == 0
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert len(kept) == 4  # features and counts, of the recordings to learn and to validate
    frozen = hub.load(str(tmp_path / "one" / "model"))
    for name, value in frozen.encoder.state_dict().items():
        assert torch.equal(value, weights[name].float()), name
    second = ["--run", str(tmp_path / "two"), "--init", str(tmp_path / "one" / "model")]
    assert cli.main([*told, *second, "--training.learning_rate", "0.05"]) == 0
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == kept
    tuned = hub.load(str(tmp_path / "two" / "model"))
    for name, value in tuned.encoder.state_dict().items():
        same = torch.equal(value, weights[name].float())
        assert same == name.startswith(("conv", "groupnorm", "blocks.0")), name


def test_an_encoder_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard(tmp_path / "train-chords-000.tar", sentences(30))
    shard(tmp_path / "dev-chords-000.tar", sentences(4))
    (tmp_path / "text.safetensors").write_text("no tensors")
    save_file({"conv1.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    told = ["train", "speech", "--data", str(tmp_path), "--run", str(tmp_path / "run")]
    for options, sentence in (
        ([*ENCODER, "--encoder", str(tmp_path / "nothing")], "cannot be read"),
        ([*ENCODER, "--encoder", str(tmp_path / "text.safetensors")], "cannot be read as safetensors"),
        ([*ENCODER, "--encoder", str(tmp_path / "other.safetensors")], "no acoustic encoder of these sizes"),
        (["--encoder", str(tmp_path / "other.safetensors")], "--encoder goes with model.encoder"),
    ):
        assert cli.main([*told, *options]) != 0
        assert sentence in capsys.readouterr().err


def test_bad_rows_are_left_out_up_to_a_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = own_files(tmp_path, sentences(20))
    table.write_text(table.read_text() + "missing.wav,tea,s1\n1.wav,,s1\n2.wav,чай,s2\n")
    steps = ["--training.steps", "2", "--training.validate_every", "2"]
    given = ["train", "speech", "--data", str(table), *QUICK, *steps]
    assert cli.main([*given, "--run", str(tmp_path / "no")]) != 0
    told = capsys.readouterr().err
    assert "3 of 23 recordings" in told
    assert "Traceback" not in told
    with pytest.warns(UserWarning, match="3 of 23"):
        assert cli.main([*given, "--run", str(tmp_path / "yes"), "--skip_at_most", "0.2"]) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "{shards}", "--share", "0.5"], "only with --init"),
        (["--data", "{shards}", "--max-seconds", "0.1"], "min_seconds below max_seconds"),
        (["--data", "{shards}", "--min-seconds", "90", "--longest", "91"], "no recording of 90 to 91 seconds"),
        (["--data", "{shards}", "--init", "captioner"], "captioner is not a recogniser"),
        (["--data", "{shards}", "--init", "nothing"], "nothing"),
    ],
)
def test_mistakes_end_in_a_sentence(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shard(tmp_path / "train-chords-000.tar", sentences(40))
    shard(tmp_path / "dev-chords-000.tar", sentences(4))
    given = [option.replace("{shards}", str(tmp_path)) for option in options]
    assert cli.main(["train", "speech", *given, "--run", str(tmp_path / "run")]) != 0
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told
    assert not (tmp_path / "run" / "model").exists()
