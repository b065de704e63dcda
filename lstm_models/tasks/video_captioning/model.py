"""Video to text: ``VideoCaptioner`` describes films scene by scene.

captioner = lstm_models.load("video-captioner")
captioner.caption("clip.mp4").scenes[0].caption
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import torch
from torch import Tensor
from typing_extensions import Unpack

from lstm_models.decoding.beam_search import beam_search
from lstm_models.decoding.options import Hypothesis, override
from lstm_models.errors import InputError
from lstm_models.io.films import FilmFrame, open_film
from lstm_models.io.inputs import are_several
from lstm_models.nn.attention_decoder import Memory
from lstm_models.results import Word
from lstm_models.tasks.video_captioning.decoding import SceneSearch, VideoCaptionKeywords, VideoCaptionOptions
from lstm_models.tasks.video_captioning.features import EVERY, evenly, find_shots
from lstm_models.tasks.video_captioning.network import OBJECTS, Sentences, VideoCaptionerNetwork, object_numbers
from lstm_models.tasks.video_captioning.results import Scene, SceneObject, VideoCaption
from lstm_models.text.vocabulary import END, join_words

__all__ = ["MOST_SECONDS", "VideoCaptioner"]

MOST_SECONDS = 2 * 3600.0
"""Seconds of a film that are described at once."""
SUPPORTED = -2.5
"""Nats a word: a frame that gives a sentence as much, by itself, vouches for it."""


class VideoCaptioner(VideoCaptionerNetwork):
    """Describes films; see the module and ``VideoCaptionerConfig``."""

    @overload
    def caption(
        self,
        films: list[str] | tuple[str, ...],
        *,
        options: VideoCaptionOptions | None = None,
        **given: Unpack[VideoCaptionKeywords],
    ) -> list[VideoCaption]: ...

    @overload
    def caption(
        self, films: Any, *, options: VideoCaptionOptions | None = None, **given: Unpack[VideoCaptionKeywords]
    ) -> VideoCaption: ...

    def caption(
        self, films: Any, *, options: VideoCaptionOptions | None = None, **given: Unpack[VideoCaptionKeywords]
    ) -> VideoCaption | list[VideoCaption]:
        """Describes a film, or each of several.

        Args:
            films: a film as for `lstm_models.io.films.open_film` (a file, bytes, an open file, a folder of pictures, an
                array of frames), or a list of paths.
            options: how to describe; `VideoCaptionOptions()` if None.
            given: fields of `VideoCaptionOptions`, such as ``style="photo"``, that replace those of the options.

        Raises:
            InputError: a film cannot be opened, is longer than `MOST_SECONDS`, or the options contradict each other.
        """
        options = override(options, VideoCaptionOptions, **given)
        if are_several(films):
            return [self.caption(film, options=options) for film in films]
        scenes: list[Scene] = []
        notes: list[str] = []
        for scene in self.stream(films, options=options, notes=notes):
            scenes = _joined(scenes, scene)
        duration = scenes[-1].end - scenes[0].start
        return VideoCaption.of(scenes, duration, _name(films), notes)

    def stream(
        self,
        film: Any,
        *,
        options: VideoCaptionOptions | None = None,
        notes: list[str] | None = None,
        **given: Unpack[VideoCaptionKeywords],
    ) -> Iterator[Scene]:
        """As :meth:`caption` for one film, but yields its scenes as they are found.

        Args:
            film: as for :meth:`caption`.
            options: likewise.
            notes: takes a sentence for each thing that is not as it should be with the film.
            given: as for :meth:`caption`.
        """
        options = override(options, VideoCaptionOptions, **given)
        side = self.captioner.encoder.config.size
        with open_film(film, side=side) as found:
            end = options.end
            if found.seconds is not None and (end or found.seconds) - options.start > MOST_SECONDS:
                raise InputError(
                    f"{found.label} is {found.seconds / 3600:.1f} hours long; at most {MOST_SECONDS / 3600:g} are "
                    "described at once, so choose a part by start and end.",
                    usage=True,
                )
            frames = found.frames(every=EVERY, start=options.start, end=end)
            any_ = False
            for shot in find_shots(_limited(frames, options.start, found.label), options.longest_scene):
                any_ = True
                if found.seconds is not None and end is None and 0 < found.seconds - shot.end < 2 * EVERY:
                    shot.end = found.seconds  # the last frame is seen to the film's end
                scene = self.describe(evenly(shot.frames, options.frames), shot.start, shot.end, options)
                yield replace(scene, continues=shot.continues)
            if not any_:
                raise InputError(f"{found.label} has no frame from {options.start:g} s to {end:g} s.", usage=True)
            if notes is not None:
                notes += found.notes

    @torch.inference_mode()
    def describe(
        self,
        frames: Sequence[FilmFrame],
        start: float,
        end: float,
        options: VideoCaptionOptions,
        features: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> Scene:
        """The description of one scene.

        Args:
            frames: of it, at least one.
            start: of the scene, in seconds.
            end: likewise.
            options: of which those of the search count.
            features: what the captioner's ``frame_features`` gives for the frames, where that is known.
        """
        if features is None:
            features = self.captioner.frame_features([frame.pixels for frame in frames])
        grids, classes, distances = features
        objects = self.captioner.recognized_objects(classes.mean(0))
        # In the style of photos the objects are not looked at: there they made captions worse
        numbers = None if options.style == "photo" else self._object_numbers(objects if options.objects else ())
        strength = self.strength(options.style)
        spoken = self.sentences(options.style)
        search = self._begin(spoken, self.see(grids[None], numbers, strength))
        found = self._search(spoken, search, options)
        alone = self.see(grids[:, None], None if numbers is None else numbers.expand(len(grids), -1), strength)
        if options.votes and len(grids) > 1:  # every frame proposes, too
            proposed = [
                one
                for row in range(len(grids))
                for one in self._search(spoken, self._begin(spoken, alone.row(row)), options)[:2]
            ]
            found = self._together(spoken, search.memory, found, proposed)
        votes = [self._votes(spoken, alone, one) for one in found]
        order = sorted(range(len(found)), key=lambda place: -_score(found[place], votes[place], options))
        best = order[0]
        others = tuple(self._text(found[place]) for place in order[1 : options.n_best])
        return self._scene(
            frames, start, end, found[best], votes[best], spoken, search.memory, others,
            tuple(SceneObject(one.name, one.probability) for one in objects), float(distances.mean()),
        )  # fmt: skip

    def export_onnx(
        self, path: str | os.PathLike[str], *, style: Literal["film", "photo"] = "film", int8: bool = False
    ) -> Path:
        """Write the whole network, image network included, as an ONNX graph for one scene.

        Inputs: ``pixels`` [frames, 3, size, size] float32, each frame as the captioner's ``encoder.preprocess`` makes
        it; ``objects`` [objects], numbers of nouns that are in the picture, or 0 (not in the style "photo"); and
        ``given`` [sentences, words], numbers of words, or -1 where the likeliest is to come; both int64. Outputs:
        ``words`` [sentences, words], those given and those chosen, of which what follows the first 0 does not count;
        ``log_probs`` [sentences, words, vocabulary] of each word given those before it; and ``attention`` [sentences,
        words, places], places row by row, frame by frame, then the objects.

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.video_captioning.onnx_graph import export

        return export(self, path, style, int8=int8)

    def _begin(self, spoken: Sentences, seen: Any) -> SceneSearch:
        memory = spoken.memory(*seen)
        return SceneSearch(spoken.decoder.initial_state(memory, 1), memory)

    def _search(self, spoken: Sentences, search: SceneSearch, options: VideoCaptionOptions) -> list[Hypothesis]:
        device = search.memory.mean.device
        return beam_search(
            lambda tokens, state: _step(spoken, tokens, state), search, 1, start=END, end=END,
            options=options.search(), device=device,
        )[0]  # fmt: skip

    def _together(
        self, spoken: Sentences, memory: Memory, found: Sequence[Hypothesis], proposed: Sequence[Hypothesis]
    ) -> list[Hypothesis]:
        """What was found, and the other sentences that were proposed, with the probabilities that all frames give."""
        made = {tuple(one.tokens): one for one in found}
        for one in proposed:
            tokens = tuple(one.tokens)
            if tokens in made:
                continue
            given = torch.tensor([*tokens, END], device=memory.mean.device)[None, None]
            lengths = torch.tensor([[given.size(-1)]], device=given.device)
            log_p = spoken(memory.values, memory.mean, given, lengths)[0].tolist()
            made[tokens] = replace(one, log_probability=sum(log_p), token_log_probabilities=tuple(log_p))
        return list(made.values())

    def _votes(self, spoken: Sentences, alone: Any, found: Hypothesis) -> Tensor:
        """Log probabilities [frames, words with the end] of a sentence by each frame alone."""
        count = len(alone.mean)
        tokens = torch.tensor([*found.tokens, END], device=alone.mean.device).expand(count, 1, -1)
        lengths = torch.full((count, 1), tokens.size(-1), device=tokens.device)
        return spoken(*alone, tokens, lengths)[0].view(count, -1)  # type: ignore[no-any-return]

    def _scene(
        self,
        frames: Sequence[FilmFrame],
        start: float,
        end: float,
        found: Hypothesis,
        votes: Tensor,
        spoken: Sentences,
        memory: Memory,
        others: tuple[str, ...],
        objects: tuple[SceneObject, ...],
        distance: float,
    ) -> Scene:
        rows, columns = self.captioner.encoder.rows, self.captioner.encoder.columns
        looks = _looks(spoken, memory, found.tokens)[:, : len(frames) * rows * columns]
        looks = looks.float().cpu().reshape(-1, len(frames), rows, columns)
        # What all frames together say, and what they say each by itself
        both = (torch.tensor(found.token_log_probabilities)[: len(found.tokens)] + votes.mean(0).cpu()[:-1]) / 2
        confidences = self.captioner.confidence(both, distance).tolist()
        texts = self.vocabulary.decode(found.tokens)
        words = tuple(
            Word(text, confidence, attention=map_.numpy())
            for text, confidence, map_ in zip(texts, confidences, looks.sum(1), strict=True)
        )
        weights = looks.sum((0, 2, 3))
        weights = weights / weights.sum().clamp(min=1e-9)
        vouching = float((votes.mean(1) >= SUPPORTED).float().mean())
        return Scene(
            start, end, join_words(texts), words, found.log_probability, vouching, others, objects,
            tuple(frame.time for frame in frames), tuple(weights.tolist()), frames[int(weights.argmax())].pixels,
        )  # fmt: skip

    def _text(self, found: Hypothesis) -> str:
        return join_words(self.vocabulary.decode(found.tokens))

    def _object_numbers(self, objects: Sequence[Any]) -> Tensor:
        """Word numbers [1, OBJECTS] of what was recognised, such as are known."""
        found = object_numbers((one.name for one in objects), self.vocabulary)
        return torch.tensor([[*found, *[0] * (OBJECTS - len(found))]], device=self.unseen.device)


def _step(spoken: Sentences, tokens: Tensor, search: SceneSearch) -> tuple[Tensor, SceneSearch]:
    y, _, state = spoken.decoder.step(spoken.word(tokens), search.state, search.memory)
    return spoken.log_probabilities(y), search._replace(state=state)


def _looks(spoken: Sentences, memory: Memory, tokens: Sequence[int]) -> Tensor:
    """Where a sentence looks [words, places] for each of its words."""
    state, looks = spoken.decoder.initial_state(memory, 1), []
    for before in (END, *tokens[:-1]):
        word = spoken.word(torch.tensor([before], device=memory.mean.device))
        _, look, state = spoken.decoder.step(word, state, memory)
        looks.append(look[0])
    return torch.stack(looks)


def _score(found: Hypothesis, votes: Tensor, options: VideoCaptionOptions) -> float:
    """Log probability by all frames at once and by each alone, a word as the search's length penalty has it."""
    together = (1 - options.votes) * found.log_probability + options.votes * float(votes.mean(0).sum())
    return together / (len(found.tokens) + 1) ** options.length_penalty  # type: ignore[no-any-return]


def _joined(scenes: list[Scene], scene: Scene) -> list[Scene]:
    """The scenes with one more; where there is no cut and the sentence is as before, the former goes on."""
    if not scenes or not scene.continues or scenes[-1].caption != scene.caption:
        return [*scenes, scene]
    last = scenes[-1]
    better = max(last, scene, key=lambda one: one.confidence or 0.0)
    weights = np.array([*last.frame_weights, *scene.frame_weights]) / 2
    joined = replace(
        better, start=last.start, end=scene.end, votes=(last.votes + scene.votes) / 2, continues=last.continues,
        frame_times=(*last.frame_times, *scene.frame_times), frame_weights=tuple(weights.tolist()),
    )  # fmt: skip
    return [*scenes[:-1], joined]


def _limited(frames: Iterator[FilmFrame], start: float, label: str) -> Iterator[FilmFrame]:
    for frame in frames:
        if frame.time - start > MOST_SECONDS:
            raise InputError(f"{label} goes on after {MOST_SECONDS / 3600:g} hours; choose a part by start and end.")
        yield frame


def _name(film: Any) -> str:
    return os.fspath(film) if isinstance(film, (str, os.PathLike)) else ""
