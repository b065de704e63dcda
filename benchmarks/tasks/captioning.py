"""Speed and memory of the captioner beside a plain beam search in Python, on one thread.

    python -m benchmarks.tasks.captioning                     # the bundled captioner, some minutes
    python -m benchmarks.tasks.captioning --model FOLDER --photos FOLDER --json out.json

The peer is the decoder that public tutorials use, written here with the captioner's own weights: hypotheses are Python
lists, each is a row of its own through ``nn.LSTMCell`` and attention over the whole grid, and the candidates of all of
them are sorted in Python. It finds the same captions (a test compares them). Both have the same image encoder. Times
are CPU seconds, medians of runs that take turns; “clock” is what a user waits.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.common import describe, interleaved, machine, milliseconds, peak_memory, ratio, table, write_json
from lstm_models.checkpoints import hub
from lstm_models.decoding.beam_search import beam_search
from lstm_models.errors import InputError
from lstm_models.io.images import list_images, open_image
from lstm_models.nn.attention_decoder import Memory, TopDownDecoder
from lstm_models.tasks.captioning.decoding import CaptionOptions
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.text.vocabulary import END, UNKNOWN, join_words

BEAM = 5
BATCHES = (1, 2, 4, 8, 16, 32)
LENGTH_PENALTY = 0.7
MOST_WORDS = 20
TARGET = 0.1  # seconds a photo, end to end

Hypothesis = tuple[list[int], float, Any]  # words, log probability, states


class PlainBeamSearch:
    """Describes one photo with the weights of a captioner, hypothesis by hypothesis."""

    def __init__(self, captioner: Captioner) -> None:
        decoder = captioner.decoder
        if not isinstance(decoder, TopDownDecoder):
            raise InputError(f"the plain loop knows the decoder “top_down” only, not “{captioner.config.decoder}”")
        self.captioner = captioner

        def cell(lstm: Any) -> nn.LSTMCell:
            plain = lstm.to_torch()
            made = nn.LSTMCell(plain.input_size, plain.hidden_size)
            made.load_state_dict({name.removesuffix("_l0"): value for name, value in plain.state_dict().items()})
            return made.requires_grad_(False)

        self.lower, self.upper = cell(decoder.lower), cell(decoder.upper)
        self.attention, self.gate = decoder.attention, decoder.gate

    def step(self, word: int, states: Any, grid: Tensor) -> tuple[Tensor, Any]:
        """Log probabilities [vocabulary] of the word after ``word``, and the new states."""
        captioner, (lower, upper) = self.captioner, states
        embedded = captioner.embed(torch.tensor([word]))
        lower = self.lower(torch.cat([upper[0], grid.mean(1), embedded], 1), lower)
        # The grid's part of the attention is computed anew for each word
        scores = torch.tanh(self.attention.key(grid) + self.attention.query(lower[0])[:, None]) @ self.attention.score
        context = (scores.softmax(-1)[..., None] * grid).sum(1)
        context = context * torch.sigmoid(self.gate(lower[0]))
        upper = self.upper(torch.cat([context, lower[0]], 1), upper)
        logits = nn.functional.linear(captioner.output(upper[0]), captioner.words.weight, captioner.bias)
        return logits.log_softmax(-1)[0], (lower, upper)

    @torch.no_grad()
    def search(self, grid: Tensor, beam: int = BEAM, words: tuple[int, int] = (1, MOST_WORDS)) -> list[int]:
        """The best caption's word numbers, from the grid [1, places, feature]; ``words`` are at least and at most."""
        shortest, longest = words
        zero = torch.zeros(1, self.lower.hidden_size)
        live: list[Hypothesis] = [([], 0.0, ((zero, zero), (zero, zero)))]
        ended: list[tuple[float, list[int]]] = []
        while live:
            candidates: list[Hypothesis] = []
            for tokens, log_p, states in live:
                after, states = self.step(tokens[-1] if tokens else END, states, grid)
                after[UNKNOWN] = -torch.inf
                if len(tokens) >= shortest:
                    ended.append(((log_p + float(after[END])) / (len(tokens) + 1) ** LENGTH_PENALTY, tokens))
                if len(tokens) < longest:
                    after[END] = -torch.inf
                    for value, word in zip(*after.topk(beam), strict=True):
                        candidates.append(([*tokens, int(word)], log_p + float(value), states))
            live = sorted(candidates, key=lambda candidate: -candidate[1])[:beam]
            bound = max((log_p for _, log_p, _ in live), default=-np.inf) / (longest + 1) ** LENGTH_PENALTY
            if ended and max(ended, key=lambda one: one[0])[0] >= bound:
                break
        return max(ended, key=lambda one: one[0])[1]

    def caption(self, picture: bytes, words: tuple[int, int] = (1, MOST_WORDS)) -> str:
        """A sentence for the bytes of a picture."""
        memory = self.captioner.encode([picture])
        return join_words(self.captioner.vocabulary.decode(self.search(memory.values, words=words)))


def made_up(seed: int, width: int = 640, height: int = 480) -> bytes:
    """A JPEG of coloured blobs: opening and encoding it costs what a photo does, and there is no photo here."""
    from PIL import Image

    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noisy = np.clip(pixels + random.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=88)
    return file.getvalue()


def photos(folder: str | None, count: int) -> list[bytes]:
    """The bytes of the first pictures of a folder, or of made-up ones."""
    if folder is None:
        return [made_up(seed) for seed in range(count)]
    return [Path(path).read_bytes() for path in list_images(folder)[:count]]


def one_photo(captioner: Captioner, pictures: Sequence[bytes], repeats: int, words: tuple[int, int]) -> dict[str, Any]:
    """CPU seconds from a file's bytes to the caption, of the loop, of the captioner, and of the captioner's parts."""
    plain = PlainBeamSearch(captioner)
    seconds: dict[str, list[float]] = {}
    clock, lengths = [], []
    options = captioner.search_options(CaptionOptions(BEAM, 1, *words, LENGTH_PENALTY))

    def search(memory: Memory) -> tuple[Any, Any]:
        begun = captioner._search(memory)
        with torch.inference_mode():
            return begun, beam_search(captioner._step, begun, 1, start=END, end=END, options=options)

    def opened(picture: bytes) -> Tensor:
        return captioner.encoder.preprocess(open_image(picture))

    def look(pixels: Tensor) -> Memory:
        with torch.inference_mode():
            return captioner.encode_memory(captioner.encoder.freeze(pixels))

    def caption(picture: bytes) -> Any:
        return captioner.caption(open_image(picture), beam=BEAM, min_words=words[0], max_words=words[1])

    for picture in pictures:
        image = open_image(picture)
        pixels = captioner.encoder.preprocess(image)[None]
        memory = captioner.encode([image])
        searched, found = search(memory)
        lengths.append(len(found[0][0].tokens))

        runs: dict[str, Callable[[], object]] = {
            "loop": partial(plain.caption, picture, words),
            "captioner": partial(caption, picture),
            "open": partial(opened, picture),
            "encoder": partial(look, pixels),
            "search": partial(search, memory),
            "words": partial(captioner._captions, searched, found, [""]),
            "loop search": partial(plain.search, memory.values, words=words),
        }
        for name, times in interleaved(runs, repeats).items():
            seconds.setdefault(name, []).extend(times)
        begin = time.perf_counter()
        caption(picture)
        clock.append(time.perf_counter() - begin)
    return {
        "seconds": {name: median(times) for name, times in seconds.items()},
        "all_seconds": seconds,
        "clock": median(clock),
        "words": median(lengths),
        "times_as_fast": ratio(seconds["loop"], seconds["captioner"]),
        "search_times_as_fast": ratio(seconds["loop search"], seconds["search"]),
        "target": TARGET,
        "met": median(seconds["captioner"]) <= TARGET,
    }


def throughput(captioner: Captioner, pictures: Sequence[bytes], repeats: int, words: tuple[int, int]) -> list[Any]:
    """CPU seconds a photo against the number of photos at once, and what is the encoder's share of it."""
    options = captioner.search_options(CaptionOptions(BEAM, 1, *words, LENGTH_PENALTY))

    def decode(memory: Memory) -> None:
        search = captioner._search(memory)
        with torch.inference_mode():
            found = beam_search(captioner._step, search, len(memory.mean), start=END, end=END, options=options)
            captioner._captions(search, found, [""] * len(found))

    runs: dict[str, Callable[[], object]] = {}
    for batch in BATCHES:
        given = [pictures[number % len(pictures)] for number in range(batch)]
        runs[f"{batch} encoder"] = partial(captioner.encode, given)
        runs[f"{batch} decoder"] = partial(decode, captioner.encode(given))
    seconds = interleaved(runs, repeats)
    lines = []
    for batch in BATCHES:
        parts = {part: median(seconds[f"{batch} {part}"]) / batch for part in ("encoder", "decoder")}
        lines.append({"batch": batch, **parts, "photos_a_second": 1 / sum(parts.values())})
    return lines


def build(model: str | None, count: int, words: tuple[int, int]) -> Callable[[], object]:
    """For the measurement of memory: loads a captioner and describes so many photos at once; without, the libraries."""
    pictures = [made_up(seed) for seed in range(count)]

    def run() -> object:
        if model is None:
            import timm  # noqa: F401
            from torchvision.transforms import v2  # noqa: F401

            return [open_image(picture) for picture in pictures]
        captioner = hub.load(model)
        images = [open_image(picture) for picture in pictures]
        return captioner.caption(images, beam=BEAM, min_words=words[0], max_words=words[1])

    return run


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measures a captioner, prints the tables and returns the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="captioner", help="a bundled model or a folder")
    parser.add_argument("--photos", metavar="FOLDER", help="pictures to describe; made-up ones if missing")
    parser.add_argument("--count", type=int, default=8, help="pictures, at most")
    parser.add_argument("--repeats", type=int, default=3, help="rounds a picture")
    parser.add_argument("--words", type=int, help="make every caption so long: for weights that were not trained")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    words = (1, MOST_WORDS) if given.words is None else (given.words, given.words)
    try:
        captioner = hub.load(given.model)
        if not isinstance(captioner, Captioner):
            raise InputError(f"{given.model} is no captioner")
        pictures = photos(given.photos, given.count)
        PlainBeamSearch(captioner)
    except InputError as error:
        sys.exit(f"captioning.py: {error}")
    facts: dict[str, Any] = {"machine": machine(), "repeats": given.repeats, "pictures": len(pictures)}
    print(f"# Captioning\n\n{describe(facts['machine'])}\n", flush=True)
    facts["one"] = one_photo(captioner, pictures, given.repeats, words)
    show_one(facts["one"], len(pictures), given.repeats)
    facts["throughput"] = throughput(captioner, pictures, given.repeats, words)
    show_throughput(facts["throughput"])
    memory = {batch: peak_memory(build, (None, 1, words), (given.model, batch, words)) for batch in (1, 16)}
    facts["memory"] = memory
    rows = [[f"{batch}", "–" if peak is None else f"{peak:,.0f}"] for batch, peak in memory.items()]
    print("\n### Peak memory, weights included\n")
    print(table(["photos at once", "MiB"], rows), flush=True)
    write_json(given.json, facts)
    return facts


def show_one(one: dict[str, Any], pictures: int, repeats: int) -> None:
    """The table of `one_photo`."""
    seconds = one["seconds"]
    whole, loop = seconds["captioner"], seconds["loop"]

    def row(name: str, part: str, of: float | None = None, speed: float | None = None) -> list[str]:
        share = "" if of is None else f"{seconds[part] / of:.0%}"
        return [name, milliseconds(seconds[part]), share, "" if speed is None else f"{speed:.1f}"]

    print(f"### One photo, beam {BEAM}, {one['words']:.0f} words; {pictures} pictures, {repeats} rounds\n")
    rows = [
        row("plain loop, end to end", "loop", speed=1.0),
        row("… its search", "loop search", loop, 1.0),
        row("`Captioner.caption`, end to end", "captioner", speed=one["times_as_fast"]),
        row("… opening and resizing", "open", whole),
        row("… encoder", "encoder", whole),
        row("… search", "search", whole, one["search_times_as_fast"]),
        row("… confidences and attention", "words", whole),
    ]
    print(table(["", "CPU-ms", "share", "speed ÷ loop's"], rows))
    verdict = "met" if one["met"] else "missed"
    print(f"\nTarget {TARGET * 1e3:.0f} ms: {verdict} (clock {milliseconds(one['clock'])} ms).\n", flush=True)


def show_throughput(lines: Sequence[dict[str, Any]]) -> None:
    """The table of `throughput`."""
    rows = [
        [
            f"{line['batch']}",
            f"{line['photos_a_second']:.1f}",
            milliseconds(line["encoder"]),
            milliseconds(line["decoder"]),
            f"{line['encoder'] / (line['encoder'] + line['decoder']):.0%}",
        ]
        for line in lines
    ]
    print("### Photos at once\n")
    head = ["photos", "photos a CPU-s", "opening and encoder, CPU-ms each", "decoder, CPU-ms each", "encoder's share"]
    print(table(head, rows), flush=True)


if __name__ == "__main__":
    main()
