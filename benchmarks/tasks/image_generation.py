"""The image generator: milliseconds a drawing, images a second of training, and a VAE of equal size, on one thread.

    python -m benchmarks.tasks.image_generation --json out.json
    python -m benchmarks.tasks.image_generation draw train --quick
    python -m benchmarks.tasks.image_generation vae --data mnist

``draw``: milliseconds an image against the images that are drawn at once.
``train``: images a second, forward and backward, against the batch; with bfloat16, too.
``vae``: the bound of a variational autoencoder of as many weights, trained on as many images, given their kinds.
The peer of the first two is DRAW as tutorials write it: ``torch.nn.LSTMCell``, filters by exp and a division, a linear
layer for each number, with the same weights.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmarks.common import interleaved, milliseconds, run_tables, table
from lstm_models.checkpoints import hub
from lstm_models.tasks.image_generation.features import binarized
from lstm_models.tasks.image_generation.model import ImageGenerator

DRAWN, TRAINED = (1, 4, 16, 64, 256), (32, 128, 512)


class PlainDraw(nn.Module):
    """DRAW in plain PyTorch with the weights of a generator."""

    def __init__(self, ours: ImageGenerator) -> None:
        super().__init__()
        self.ours, config = ours, ours.config
        self.cells = nn.ModuleDict()
        for name in ("encoder", "decoder"):
            cell = getattr(ours, name).cells[0]
            plain = nn.LSTMCell(cell.input_size, cell.hidden_size)
            parts = {"weight_ih": cell.weight_ih, "weight_hh": cell.weight_hh, "bias_ih": cell.bias}
            plain.load_state_dict({**parts, "bias_hh": torch.zeros_like(cell.bias)})
            self.cells[name] = plain
        self.side, self.steps = config.image_size, config.glimpses

    def filters(self, numbers: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """F_Y, F_X and γ by the paper's equations."""
        side = self.side
        x, y, log_variance, log_stride, log_gamma = numbers.split(1, 1)
        centers = (side + 1) / 2 * (y + 1), (side + 1) / 2 * (x + 1)
        stride = (side - 1) / (size - 1) * log_stride.exp()
        banks = []
        for center in centers:
            means = center + (torch.arange(size) + 0.5 - size / 2) * stride
            bank = torch.exp(
                -((torch.arange(1, side + 1) - means[..., None]) ** 2) / (2 * log_variance.exp()[..., None])
            )
            banks.append(bank / (bank.sum(2, keepdim=True) + 1e-8))
        return banks[0], banks[1], log_gamma.exp()[..., None]

    def forward(self, labels: Tensor, noise: Tensor, images: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The last canvas, log odds, and the Gaussians' nats."""
        ours, config = self.ours, self.ours.config
        h, c = ours.kind(labels).chunk(2, 1)
        h, kind = h.tanh(), ours.kind_input(labels)
        canvas, kl = ours.canvas.expand(len(labels), -1, -1), torch.zeros(len(labels))
        if images is not None:
            looked_h, looked_c = ours.overview(images.flatten(1)).chunk(2, 1)
            looked_h = looked_h.tanh()
        for step in range(self.steps):
            z = noise[:, step]
            if images is not None:
                rows, columns, gamma = self.filters(ours.read_head(h), config.read_size)
                seen = [gamma * rows @ each @ columns.mT for each in (images, images - canvas.sigmoid())]
                inputs = torch.cat([*(each.flatten(1) for each in seen), h], 1)
                looked_h, looked_c = self.cells["encoder"](inputs, (looked_h, looked_c))
                mean, log_variance = ours.posterior(looked_h).chunk(2, 1)
                kl = kl + 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1)
                z = mean + (0.5 * log_variance).exp() * z
            h, c = self.cells["decoder"](torch.cat([z, kind], 1), (h, c))
            rows, columns, gamma = self.filters(ours.write_head(h), config.write_size)
            patch = ours.patch(h).view(-1, config.write_size, config.write_size)
            canvas = canvas + rows.mT @ patch @ columns / gamma
        return canvas, kl


def _inputs(model: ImageGenerator, count: int) -> tuple[Tensor, Tensor, Tensor]:
    config, generator = model.config, torch.Generator().manual_seed(1)
    labels = torch.arange(count) % max(1, len(config.names))
    noise = torch.randn(count, config.glimpses, config.latent_size, generator=generator)
    images = (torch.rand(count, config.image_size, config.image_size, generator=generator) < 0.15).float()
    return labels, noise, images


def measure_draw(model: ImageGenerator, sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Milliseconds an image, ours and the plain network's, for each number of images at once."""
    plain, found = PlainDraw(model), {}
    for size in sizes:
        labels, noise, _ = _inputs(model, size)
        runs = {"lstm-models": partial(model, labels, noise, every=False), "plain": partial(plain, labels, noise)}
        with torch.inference_mode():
            torch.testing.assert_close(runs["lstm-models"]().logits[:, -1], runs["plain"]()[0], atol=1e-2, rtol=1e-2)
            times = interleaved(runs, repeats)
        found[str(size)] = {kind: median(seconds) / size for kind, seconds in times.items()}
    _table("images at once", found, milliseconds, "ms an image")
    return found


def measure_train(model: ImageGenerator, sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Images a second, forward and backward."""
    plain, found = PlainDraw(model), {}
    for size in sizes:
        labels, noise, images = _inputs(model, size)

        def ours(bfloat16: bool, given: tuple[Tensor, ...] = (labels, noise, images)) -> None:
            labels, noise, images = given
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                drawn = model(labels, noise, images, every=False)
            (cross_entropy(drawn.logits[:, -1], images, reduction="sum") + drawn.kl.sum()).backward()

        def theirs(given: tuple[Tensor, ...] = (labels, noise, images)) -> None:
            canvas, kl = plain(*given)
            (cross_entropy(canvas, given[2], reduction="sum") + kl.sum()).backward()

        runs: dict[str, Callable[[], Any]] = {"lstm-models": partial(ours, False), "plain": theirs}
        runs["lstm-models, bfloat16"] = partial(ours, True)
        times = interleaved(runs, repeats)
        found[str(size)] = {kind: median(seconds) / size for kind, seconds in times.items()}
    _table("batch", found, lambda seconds: f"{1 / seconds:.0f}", "images a second")
    return found


def _table(head: str, found: Mapping[str, Mapping[str, float]], shown: Callable[[float], str], unit: str) -> None:
    kinds = list(next(iter(found.values())))
    rows = [
        [
            size,
            *(shown(each[kind]) for kind in kinds),
            f"{each['plain'] / each[kinds[-1] if len(kinds) > 2 else kinds[0]]:.2f}",
        ]
        for size, each in found.items()
    ]
    print(table([head, *(f"{kind}, {unit}" for kind in kinds), "times as fast"], rows))


class VAE(nn.Module):
    """A variational autoencoder (Kingma and Welling 2014) of two layers each way that is given the image's kind."""

    def __init__(self, kinds: int, pixels: int = 784, hidden: int = 512, latent: int = 40) -> None:
        super().__init__()
        self.kinds, self.latent = kinds, latent
        self.encoder = nn.Sequential(
            nn.Linear(pixels + kinds, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 2 * latent),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latent + kinds, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, pixels),
        )  # fmt: skip

    def loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The bound on −log p given the kind, in nats, summed."""
        images = torch.bernoulli(batch["images"]).flatten(1)
        kind = nn.functional.one_hot(batch["labels"], self.kinds).float()
        mean, log_variance = self.encoder(torch.cat([images, kind], 1)).float().chunk(2, 1)
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum()
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        logits = self.decoder(torch.cat([z, kind], 1)).float()
        count = torch.tensor(float(len(images)))
        loss = cross_entropy(logits, images, reduction="sum")
        return {"loss": loss + (batch["kl_weight"] if self.training else 1) * kl, "points": count, "lines": count}


def measure_vae(data: str, steps: int) -> dict[str, Any]:
    """Trains the VAE and prints its bound on the test images, binarised as ``lstm-models evaluate`` does."""
    from lstm_apps.training.config import TrainingConfig
    from lstm_apps.training.fitting import fit
    from lstm_datasets.image_generation.dataset import Images
    from lstm_datasets.image_generation.readers import LabelledImages, read_images
    from lstm_models.tasks.image_generation.network import collate

    found, test = read_images(data), read_images(data, part="t10k")
    names = sorted(set(found.labels))
    held = LabelledImages(found.images[-2000:], found.labels[-2000:])
    learn = LabelledImages(found.images[:-2000], found.labels[:-2000])
    torch.manual_seed(1)
    model = VAE(len(names), found.images[0].size)
    training = TrainingConfig(
        steps=steps, batch_frames=512, learning_rate=2e-3, clip=5.0, validate_every=max(1, steps // 4), precision="32",
        accelerator="cpu",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as run:
        fit(model, Images(learn, names, kl_warmup=2), Images(held, names, fixed=1), collate, training, run)
    model.eval()
    images = torch.from_numpy(binarized(test.images, 1))
    labels = torch.tensor([names.index(label) for label in test.labels])
    torch.manual_seed(1)
    with torch.inference_mode():
        bound = float(model.loss({"images": images, "labels": labels})["loss"]) / len(images)
    weights = sum(parameter.numel() for parameter in model.parameters())
    seen = steps * 512
    print(f"VAE of {weights / 1e6:.2f} million weights, {seen:,} images seen")
    print(f"−log p given the kind ≤ {bound:.2f} nats; plus ln(kinds): {bound + np.log(len(names)):.2f}")
    return {"weights": weights, "images_seen": seen, "bound_given_kind": bound}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints the tables that are named, all of them if none is; see the module."""

    def measured(run: Callable[..., Any], sizes: Sequence[int], given: argparse.Namespace) -> Any:
        model = hub.load_as(ImageGenerator, given.model)
        return run(model, sizes[:1] if given.quick else sizes, 1 if given.quick else 5)

    def vae(given: argparse.Namespace) -> dict[str, Any]:
        if given.data is None:
            print("vae: left out, as it needs --data")
            return {}
        return measure_vae(given.data, 2 if given.quick else given.steps)

    tables: dict[str, Callable[[argparse.Namespace], Any]] = {
        "draw": partial(measured, measure_draw, DRAWN),
        "train": partial(measured, measure_train, TRAINED),
        "vae": vae,
    }
    options: dict[str, dict[str, Any]] = {
        "model": {"default": "image-generator", "help": "a bundled model or a folder"},
        "data": {"default": None, "help": "a folder with MNIST's files, for vae"},
        "steps": {"default": 2150, "type": int, "help": "of vae's training, 512 images each"},
    }
    return run_tables(__doc__ or "", tables, arguments, options)


if __name__ == "__main__":
    main()
