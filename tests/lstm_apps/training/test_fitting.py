"""Training: a run ends where it should however often it was stopped, and what goes wrong is said in a sentence."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import time
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from lstm_apps.training import fitting
from lstm_apps.training.checkpointing import Stopped
from lstm_apps.training.fitting import fit
from lstm_datasets.batching import FrameBatchSampler
from tests.helpers import toy_training
from tests.helpers.toy_training import last

pytest.importorskip("lightning")


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def same_end(run: Path, other: Path) -> bool:
    """Whether two runs ended with the same weights, optimiser, schedule, step and figures."""
    one, two = last(run), last(other)
    tensors = [[*each["state_dict"].values(), *_tensors(each["optimizer_states"])] for each in (one, two)]
    return (
        all(torch.equal(a, b) for a, b in zip(*tensors, strict=True))
        and one["lr_schedulers"] == two["lr_schedulers"]
        and one["global_step"] == two["global_step"]
        and one["figures"] == two["figures"]
    )


def validated(run: Path) -> list[int]:
    """The steps after which validations were logged, over all restarts."""
    logs = sorted((run / "logs").glob("*/metrics.csv"))
    return [int(row["step"]) + 1 for log in logs for row in csv.DictReader(log.open()) if row["validation_loss"]]


def _tensors(value) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [tensor for part in parts for tensor in _tensors(part)]


def test_run_leaves_what_it_promises(whole):
    run, model, figures = whole
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    config = json.loads((run / "config.json").read_text())
    assert config["toy"] == 1
    assert config["training"]["steps"] == 9
    assert config["training"]["seed"] == 1
    (log,) = (run / "logs").glob("*/metrics.csv")
    rows = list(csv.DictReader(log.open()))
    assert validated(run) == [4, 8, 9]  # the last step, too
    assert list((run / "logs").glob("*/events.out.tfevents*"))
    assert last(run)["global_step"] == 9
    # The weights that are left are the best ones, and the figures are theirs
    held, model = toy_training.Data(10, 2), model.eval()
    with torch.no_grad():
        sums = model.loss(toy_training.collate(held.items))
    assert figures["validation_loss"] == pytest.approx(float(sums["loss"] / sums["points"]), rel=1e-5)
    assert figures["validation/loss"] == pytest.approx(float(sums["loss"]) / 10, rel=1e-5)
    assert figures["validation_loss"] == pytest.approx(
        min(float(row["validation_loss"]) for row in rows if row["validation_loss"]), rel=1e-5
    )
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(best["model.a.weight"], model.a.weight)


def test_learning_rate_climbs_and_falls(whole):
    from lstm_apps.training.fitting import _Task

    task = _Task(toy_training.Model(), toy_training.settings(steps=100, warmup=10, learning_rate=1.0))
    rates = [task.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.01 + 0.99 / 2)
    assert rates[100] == pytest.approx(0.01)
    assert last(whole[0])["lr_schedulers"][0]["last_epoch"] == 9


def test_same_seed_same_run_another_seed_another(whole, tmp_path):
    toy_training.train(tmp_path / "again")
    assert same_end(tmp_path / "again", whole[0])
    toy_training.train(tmp_path / "other", seed=2)
    assert not same_end(tmp_path / "other", whole[0])


def test_weights_of_the_task_are_what_one_step_of_adam_makes(tmp_path):
    """One step by hand: mean over the frames, clipped, AdamW, the first rate of the warm-up."""
    expected = toy_training.Model(dropout=0)
    config = toy_training.settings(steps=1, batch_frames=1000, weight_decay=0.1, clip=0.5)
    optimizer = torch.optim.AdamW(expected.parameters(), config.learning_rate / 3, weight_decay=0.1)
    result = expected.loss(toy_training.collate(toy_training.Data(30, 1).items))
    (result["loss"] / result["points"]).backward()
    nn.utils.clip_grad_norm_(expected.parameters(), 0.5)
    optimizer.step()
    model, _ = toy_training.train(
        tmp_path, toy_training.Model(dropout=0), steps=1, batch_frames=1000, weight_decay=0.1, clip=0.5
    )  # fmt: skip
    torch.testing.assert_close(weights(model), weights(expected), rtol=1e-4, atol=1e-6)


def test_nothing_but_the_progress_is_printed(tmp_path, capfd):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(Stopped):
            toy_training.train(tmp_path, toy_training.stopping(2))
        toy_training.train(tmp_path, resume=True)
    shown = [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
    assert shown == []
    out, err = capfd.readouterr()
    for word in ("Tip", "litlogger", "litmodels", "Restor", "weights_only", "GPU available", "Warning", "💡", "/-2"):
        assert word not in out + err


@pytest.mark.parametrize(
    "step",
    [1, 3, 4, 6, 8],  # an epoch has about five batches; 4 and 8 are validated
)
def test_resuming_ends_where_an_undisturbed_run_does(step, whole, tmp_path):
    with pytest.raises(Stopped, match=f"stopped after step {step} of 9: the same command with --resume") as stop:
        toy_training.train(tmp_path, toy_training.stopping(step))
    assert stop.value.exit_code == 143
    assert last(tmp_path)["global_step"] == step
    model, figures = toy_training.train(tmp_path, resume=True)
    assert model.steps == 9 - step  # nothing twice
    assert same_end(tmp_path, whole[0])
    assert torch.equal(weights(model), weights(whole[1]))
    assert figures == whole[2]
    assert validated(tmp_path) == [4, 8, 9]


def test_stopped_again_and_again(whole, tmp_path):
    for number in range(4):
        with pytest.raises(Stopped):
            toy_training.train(tmp_path, toy_training.stopping(2), resume=number > 0)
    model, _ = toy_training.train(tmp_path, resume=True)
    assert model.steps == 1
    assert same_end(tmp_path, whole[0])
    versions = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert versions == [f"version_{number}" for number in range(5)]


def test_resuming_with_averaged_weights_and_a_loading_process(tmp_path):
    options = {"ema": 0.8, "workers": 1}
    model, figures = toy_training.train(tmp_path / "whole", **options)
    with pytest.raises(Stopped):
        toy_training.train(tmp_path / "run", toy_training.stopping(6), **options)
    resumed, again = toy_training.train(tmp_path / "run", resume=True, **options)
    assert same_end(tmp_path / "run", tmp_path / "whole")
    assert torch.equal(weights(resumed), weights(model))
    assert again == figures
    # Averaged weights are kept, and are others than those in training
    end = last(tmp_path / "whole")
    assert not torch.equal(end["state_dict"]["model.a.weight"], end["current_model_state"]["model.a.weight"])


def test_averaged_weights_are_the_average(tmp_path):
    seen: list[torch.Tensor] = []
    model = toy_training.Model(dropout=0)
    model.on_step = lambda step: seen.append(weights(model).clone())
    toy_training.train(tmp_path, model, ema=0.7, steps=3, validate_every=10)
    state = last(tmp_path)
    names = ["model.a.weight", "model.a.bias", "model.b.weight", "model.b.bias"]
    seen.append(torch.cat([state["current_model_state"][name].flatten() for name in names]))
    expected = seen[1]  # the average begins with the weights after the first step
    for after in seen[2:]:
        expected = 0.7 * expected + 0.3 * after
    torch.testing.assert_close(torch.cat([state["state_dict"][name].flatten() for name in names]), expected)


def test_ctrl_c(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Stopped) as stop:
        toy_training.train(tmp_path, toy_training.stopping(3, signal.SIGINT))
    assert stop.value.exit_code == 130
    assert last(tmp_path)["global_step"] == 3
    assert signal.getsignal(signal.SIGINT) is before


def test_second_ctrl_c_does_not_wait(tmp_path):
    before = signal.getsignal(signal.SIGINT)

    def on_step(step: int) -> None:
        if step == 2:
            for pause in (0, 0, 1.05):  # the second at once, as a launcher passes it on: no second wish
                time.sleep(pause)
                os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("the step went on")

    with pytest.raises(KeyboardInterrupt):
        toy_training.train(tmp_path, toy_training.Model(on_step=on_step), checkpoint_minutes=0)
    assert signal.getsignal(signal.SIGINT) is before
    assert last(tmp_path)["global_step"] == 1


def test_killed_run_resumes_to_the_same_end(whole, tmp_path):
    process = toy_training.PROCESSES.Process(
        target=toy_training.slowly, args=(str(tmp_path), {"checkpoint_minutes": 0})
    )
    process.start()
    saved = tmp_path / "checkpoints" / "last.ckpt"
    while not saved.exists():
        assert process.is_alive(), "the run ended before its first checkpoint"
        time.sleep(0.01)
    time.sleep(0.12)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert 1 <= last(tmp_path)["global_step"] < 9
    (tmp_path / "checkpoints" / ".last.ckpt.99.part").write_bytes(b"half a checkpoint")
    model, figures = toy_training.train(tmp_path, resume=True)
    assert same_end(tmp_path, whole[0])
    assert torch.equal(weights(model), weights(whole[1]))
    assert figures == whole[2]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_checkpoints_come_by_the_clock(tmp_path):
    seen = []
    saved = tmp_path / "checkpoints" / "last.ckpt"
    toy_training.train(
        tmp_path, toy_training.Model(on_step=lambda step: seen.append(saved.exists())), checkpoint_minutes=60
    )
    assert seen == [False] * 9


def test_finished_run_resumes_to_nothing_or_to_more_steps(whole, tmp_path):
    toy_training.train(tmp_path)
    model, figures = toy_training.train(tmp_path, resume=True)
    assert model.steps == 0
    assert figures == whole[2]
    assert torch.equal(weights(model), weights(whole[1]))
    model, _ = toy_training.train(tmp_path, resume=True, steps=14)
    assert model.steps == 5
    assert last(tmp_path)["global_step"] == 14
    assert validated(tmp_path) == [4, 8, 9, 12, 14]


def test_resuming_obeys_another_learning_rate(tmp_path):
    with pytest.raises(Stopped):
        toy_training.train(tmp_path, toy_training.stopping(4))
    toy_training.train(tmp_path, resume=True, learning_rate=1e-9, weight_decay=0.5)
    state = last(tmp_path)
    assert state["lr_schedulers"][0]["base_lrs"] == [1e-9]
    assert state["optimizer_states"][0]["param_groups"][0]["lr"] <= 1e-9
    assert state["optimizer_states"][0]["param_groups"][0]["weight_decay"] == 0.5
    assert json.loads((tmp_path / "config.json").read_text())["training"]["learning_rate"] == 1e-9


def test_job_that_slurm_requeued_resumes(whole, tmp_path, monkeypatch):
    with pytest.raises(Stopped):
        toy_training.train(tmp_path, toy_training.stopping(4))
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    toy_training.train(tmp_path)
    assert same_end(tmp_path, whole[0])
    assert toy_training.train(tmp_path / "new")[0].steps == 9  # or starts, where nothing was kept


def test_patience(tmp_path):
    model, _ = toy_training.train(
        tmp_path, toy_training.Model(dropout=0), learning_rate=1e-12, patience=2, validate_every=1, steps=40
    )
    assert model.steps < 40
    assert last(tmp_path)["global_step"] == model.steps
    patient = toy_training.Model(dropout=0)
    toy_training.train(
        tmp_path / "patient", patient, learning_rate=1e-12, patience=0, validate_every=1, steps=model.steps + 3
    )
    assert patient.steps == model.steps + 3


def test_two_processes_give_the_loss_of_one(tmp_path):
    """Although some batches have a single sequence, which only one of the two may count."""
    options = {"validate_every": 3, "steps": 12, "weight_decay": 0.1, "batch_frames": 18}
    sampler = FrameBatchSampler(toy_training.Data(30, 1).lengths, 18, shuffle=True, seed=1)
    assert 1 in map(len, sampler)
    assert 1 in map(len, FrameBatchSampler(toy_training.Data(10, 2).lengths, 18))
    model, figures = toy_training.train(tmp_path / "one", toy_training.Model(dropout=0), **options)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = tmp_path / "two"
    processes = [
        toy_training.PROCESSES.Process(target=toy_training.together, args=(str(run), rank, 2, port, options))
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(200)
    assert [process.exitcode for process in processes] == [0, 0]
    for rank in (0, 1):
        result = torch.load(run / f"rank{rank}.pt", weights_only=True)
        for name, value in model.state_dict().items():
            torch.testing.assert_close(result["model"][name], value, rtol=1e-5, atol=1e-6)
        assert result["figures"] == pytest.approx(figures, rel=1e-5)
    assert [path.name for path in (run / "logs").iterdir()] == ["version_0"]

    def losses(run: Path) -> list[float]:
        (log,) = (run / "logs").glob("*/metrics.csv")
        return [float(row["loss"]) for row in csv.DictReader(log.open()) if row["loss"]]

    assert losses(run) == pytest.approx(losses(tmp_path / "one"), rel=1e-5)


def test_bfloat16_trains(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "has_bf16", lambda: True)
    seen = []
    model = toy_training.Model(dropout=0)
    hook = model.a.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    fit(
        model,
        toy_training.Data(30, 1),
        toy_training.Data(10, 2),
        toy_training.collate,
        toy_training.settings(precision="bf16", steps=2),
        tmp_path,
    )
    hook.remove()
    assert set(seen) == {torch.bfloat16}
    assert model.a.weight.dtype == torch.float32
    assert not (tmp_path / "config.json").exists()  # no settings were given


def test_a_processor_without_bfloat16_trains_in_32_bits(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fitting, "has_bf16", lambda: False)
    seen = []
    model = toy_training.Model(dropout=0)
    model.a.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    fit(
        model,
        toy_training.Data(30, 1),
        toy_training.Data(10, 2),
        toy_training.collate,
        toy_training.settings(precision="bf16", steps=2),
        tmp_path,
    )
    assert set(seen) == {torch.float32}
    assert "no bfloat16 arithmetic: training in 32 bits" in capsys.readouterr().out
