"""The benchmarks run, print what they promise, and compare with peers that compute the same. No durations here."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from lstm_models.checkpoints import hub
from lstm_models.nn.lstm import LSTM
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting_reader.config import HandwritingReaderConfig
from lstm_models.tasks.handwriting_reader.model import HandwritingReader

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def on_path() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield


@pytest.fixture(scope="module")
def backbone(on_path: None) -> ModuleType:
    return importlib.import_module("benchmarks.backbone.speed")


@pytest.fixture(scope="module")
def quality(on_path: None) -> ModuleType:
    return importlib.import_module("benchmarks.backbone.quality")


@pytest.fixture(scope="module")
def handwriting(on_path: None) -> ModuleType:
    return importlib.import_module("benchmarks.tasks.handwriting")


@pytest.fixture(scope="module")
def measuring(on_path: None) -> ModuleType:
    return importlib.import_module("benchmarks.common")


def tables(text: str) -> list[list[str]]:
    """The lines of every Markdown table."""
    found: list[list[str]] = []
    for before, line in zip(["", *text.splitlines()], text.splitlines(), strict=False):
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append(line)
    return found


# --- measuring -------------------------------------------------------------------------------------------------------


def test_runs_take_turns(measuring: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SHORTEST", 0.0)  # one call a timing
    calls: list[str] = []
    seconds = measuring.interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, 3)
    assert "".join(calls[-6:]) == "ababab"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_taken_turn_by_turn(measuring: ModuleType) -> None:
    # The machine is ten times slower in the second round: the ratio stays 2
    assert measuring.ratio([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == 2


def test_a_table_is_markdown(measuring: ModuleType) -> None:
    assert measuring.table(["", "a"], [["x", "1"]]) == "|  | a |\n|---|--:|\n| x | 1 |"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.00021349, "0.213"), (0.0627, "62.7"), (0.09996, "100"), (6.2534, "6,253")]
)
def test_milliseconds_have_three_digits(measuring: ModuleType, seconds: float, text: str) -> None:
    assert measuring.milliseconds(seconds) == text


def test_peak_memory_counts_input_and_output(backbone: ModuleType, measuring: ModuleType) -> None:
    sizes = backbone.Sizes(time=512, batch=32, hidden=256, layers=1)
    peak = measuring.peak_memory(backbone.build, ("nn.LSTM/inference", backbone.SMALL), ("nn.LSTM/inference", sizes))
    if peak is None:
        pytest.skip("this system has no /proc")
    # 16 MiB each of input and output, 2 MiB of weights; copies and workspace are the library's affair
    assert 32 < peak < 200


def test_figures_are_written_whole(measuring: ModuleType, tmp_path: Path) -> None:
    measuring.write_json(str(tmp_path / "figures.json"), {"name": "“é”"})
    assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8")) == {"name": "“é”"}
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


# --- backbone --------------------------------------------------------------------------------------------------------


def test_backbone_prints_every_table(
    backbone: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(backbone, "peak_memory", lambda *_: 12.5)  # a process each: one is measured above
    figures = backbone.main(["--quick", "--json", str(tmp_path / "out.json")])
    printed = tables(capsys.readouterr().out)
    expected = [len(table.lines) + 2 for tables_ in backbone.TABLES.values() for table in tables_]
    assert [len(lines) for lines in printed] == expected + [len(backbone.GROWTH_LINES) + 2] * len(backbone.AXES)
    assert all("12" in line or "13" in line for lines in printed for line in lines[2:])
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == figures
    for name in backbone.TABLES:
        for table in figures[name]:
            assert table["lines"][0]["times_as_fast"] == 1
            assert all(line["seconds"] > 0 for line in table["lines"])


def test_a_target_is_met_or_missed(
    backbone: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backbone, "peak_memory", lambda *_: None)
    monkeypatch.setattr(backbone, "interleaved", lambda runs, repeats: {"nn.LSTM/step": [3.0], "standard/step": [2.0]})
    for kind, bound, met in (
        ("faster", 1.4, True),
        ("faster", 1.6, False),
        ("slower", 0.7, True),
        ("slower", 0.6, False),
    ):
        lines = tuple((name, name, "nn.LSTM/step") for name in ("nn.LSTM/step", "standard/step"))
        table = backbone.Table("t", backbone.SMALL, lines, (("standard/step", kind, bound),))
        figures = backbone.measure(table, quick=False)
        assert figures["lines"][1]["target"]["met"] is met
        assert ("missed" not in backbone.show(figures)) is met


def test_backbone_refuses_a_table_it_does_not_have(backbone: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        backbone.main(["speed"])
    assert error.value.code == 2
    assert "there is no table “speed”" in capsys.readouterr().err


def test_peers_of_unequal_lengths_compute_the_same(backbone: ModuleType) -> None:
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 7, 5), torch.tensor([4, 7, 2])
    packed = nn.LSTM(5, 6, 2, batch_first=True, bidirectional=True)
    rows = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    want = nn.utils.rnn.pad_packed_sequence(packed(rows)[0], batch_first=True)[0]
    by_gather = backbone.GatherLSTM(5, 6, 2)
    for layer in range(2):
        for cells, suffix in ((by_gather.ahead, ""), (by_gather.back, "_reverse")):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            cells[layer].load_state_dict({f"{name}_l0": getattr(packed, f"{name}_l{layer}{suffix}") for name in names})
    torch.testing.assert_close(by_gather(x, lengths), want)
    torch.testing.assert_close(LSTM.from_torch(packed)(x, lengths=lengths)[0], want)


def test_the_loop_over_the_window_layer_learns_the_same(backbone: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    layers: list[nn.Module] = []
    monkeypatch.setattr(backbone, "_train", lambda model, forward, bf16=False: layers.append(model) or forward)
    outputs = [backbone.build(name, backbone.Sizes(9, 2, 8, 1))() for name in ("window loop/train", "window/train")]
    torch.testing.assert_close(outputs[0], outputs[1])
    for output in outputs:
        output.square().sum().backward()
    for ours, theirs in zip(layers[1].parameters(), layers[0].parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


# --- quality ---------------------------------------------------------------------------------------------------------


def test_quality_prints_every_problem(quality: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("mnist1d", reason="the package mnist1d makes the signals; it comes with the extra “bench”")
    figures = quality.main(["--quick", "--json", str(tmp_path / "out.json")])
    text = capsys.readouterr().out
    assert [len(lines) for lines in tables(text)] == [4, 4, 3]
    assert "Mean accuracy of 1: " in text
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == figures
    assert {line["arm"] for line in figures["adding"]} == {"forget bias 1", "forget bias 0"}


def test_the_sum_to_learn_is_that_of_the_two_marked_numbers(quality: ModuleType) -> None:
    x, y = quality.adding_batch(50, 10, torch.Generator().manual_seed(0))
    assert (x[:, :5, 1].sum(1) == 1).all()
    assert (x[:, 5:, 1].sum(1) == 1).all()
    for signal, target in zip(x, y, strict=True):
        assert math.isclose(sum(number for number, mark in signal.tolist() if mark), target.item(), rel_tol=1e-6)


def test_the_symbols_to_copy_come_back_after_the_delay(quality: ModuleType) -> None:
    x, y = quality.copy_batch(20, 7, torch.Generator().manual_seed(0))
    given = x.argmax(2)
    assert x.shape == (20, 27, 10)
    assert (given[:, :10] == y[:, 17:]).all()
    assert ((given[:, :10] >= 1) & (given[:, :10] <= 8)).all()
    assert (given[:, 16] == 9).all()  # the signal, one frame before the first symbol is due
    assert not given[:, 10:16].any()
    assert not given[:, 17:].any()
    assert not y[:, :17].any()


def test_a_shift_turns_a_signal_round(quality: ModuleType) -> None:
    torch.manual_seed(0)
    x = torch.arange(12.0).expand(200, -1)[..., None]
    turned = quality.shifted(x, 2)[..., 0]
    assert {int(row[0]) for row in turned} == {10, 11, 0, 1, 2}
    assert all(torch.equal(row.roll(int(row[0])), x[0, :, 0]) for row in turned)


def test_validation_never_sees_the_test_set(quality: ModuleType) -> None:
    pytest.importorskip("mnist1d", reason="the package mnist1d makes the signals; it comes with the extra “bench”")
    x, y, held_x, _ = quality.mnist1d_data(validate=False)
    assert x.shape == (4000, 40, 1)
    assert held_x.shape == (1000, 40, 1)
    part_x, part_y, validation_x, validation_y = quality.mnist1d_data(validate=True)
    assert torch.equal(torch.cat([part_x, validation_x]), x)
    assert torch.equal(torch.cat([part_y, validation_y]), y)


# --- handwriting -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def writer() -> HandwritingWriter:
    torch.manual_seed(0)
    letters = " .abcdefghijklmnopqrstuvwxyzT"
    config = WriterConfig(
        letters, 16, 3, 6, 4, max_step=1.0, step=0.5, mixtures=3, style_size=5, styles=("a",), names={"one": "a"}
    )
    return HandwritingWriter(config).eval()


def test_the_plain_loop_is_the_same_network(handwriting: ModuleType, writer: HandwritingWriter) -> None:
    text = "The dog"
    loop = handwriting.PlainLoop(writer)
    loop.start(text, 1)
    moves = torch.randn(1, 12, 3)
    with torch.inference_mode():
        numbers = writer.encode(text)[None]
        pen = writer(moves, numbers, torch.tensor([numbers.size(1)]), torch.tensor([1]))
        outputs = torch.stack([loop.step(move) for move in moves.unbind(1)], 1)
        for ours, theirs in zip(pen, writer.head.read(outputs), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_plain_loop_ends_by_the_rules_of_the_writer(handwriting: ModuleType, writer: HandwritingWriter) -> None:
    offsets = handwriting.PlainLoop(writer).write("The dog", style=1, seed=3)
    assert 1 < len(offsets) <= int(writer.most_points(torch.tensor(8)))
    assert offsets.shape[1] == 3
    assert set(offsets[:, 2]) <= {0.0, 1.0}


def test_handwriting_prints_both_tables(
    handwriting: ModuleType, writer: HandwritingWriter, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hub.save(writer, tmp_path / "model", card="# A writer\n\nA writer for the test.\n")
    arguments = ["--model", str(tmp_path / "model"), "--repeats", "1", "--lines", "2", "--candidates", "0"]
    figures = handwriting.main([*arguments, "--json", str(tmp_path / "out.json")])
    speed, parts = tables(capsys.readouterr().out)
    assert len(speed) == 2 + 4
    assert [line.split("|")[1].strip() for line in parts[2:]] == [
        "window layer",
        "upper layers",
        "head",
        "draw of the move",
    ]
    assert all(line["points"] > 1 for line in figures["speed"].values())
    assert (tmp_path / "out.json").is_file()


def test_pages_are_timed_with_and_without_rereading(
    handwriting: ModuleType, writer: HandwritingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handwriting, "sentences", lambda alphabet, count: ["the lazy dog"])
    reader = HandwritingReader(HandwritingReaderConfig(" .abcdefghijklmnopqrstuvwxyz", 4, 1, 2)).eval()
    found = handwriting.pages(writer, reader, 2, 1, 1)
    assert list(found) == ["loop", "line", "line again", "page", "page again"]
    assert all(row["clock"] > 0 and len(row["all"]) == 2 for row in found.values())


def test_a_line_has_fifty_characters(handwriting: ModuleType) -> None:
    lines = handwriting.sentences(" .abcdefghijklmnopqrstuvwxyzT", 12)
    assert {len(line) for line in lines} == {50}
    assert len(set(lines)) == 10  # ten words, turned round


def test_a_model_that_is_missing_is_one_sentence(handwriting: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"handwriting\.py: "):
        handwriting.main(["--model", str(tmp_path / "nothing")])


def test_requests_together(on_path: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    batching = importlib.import_module("benchmarks.demo.batching")
    options = ["--requests", "2", "--repeats", "1", "--json", str(tmp_path / "a")]
    facts = batching.main(options)
    assert [(row["task"], row["requests"]) for row in facts["rows"]] == [
        ("captioning", 2), ("speech", 2), ("handwriting", 2),
    ]  # fmt: skip
    assert all(row["alone"] > 0 and row["together"] > 0 and row["gain"] > 0 for row in facts["rows"])
    (rows,) = tables(capsys.readouterr().out)
    assert len(rows) == 5
    assert json.loads((tmp_path / "a").read_text())["rows"] == facts["rows"]
