"""Measures a captioner: the usual scores, how varied its captions are, how honest its confidences, its speed.

lstm-models evaluate captioning --data PHOTOS --beam 5 --json captioner.json --plot calibration.png
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from json import dumps
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from lstm_apps.cli.translators import bundled_translator
from lstm_apps.evaluation.calibration import Calibration, CalibrationReport, calibration_report, check_results, diagram
from lstm_apps.evaluation.threads import one_thread
from lstm_apps.tasks.captioning.metrics import caption_scores, reference_tokens, right_words
from lstm_apps.tasks.captioning.near_duplicates import overlap as find_overlap
from lstm_datasets.captioning.readers import HELD_OUT, CaptionedPhoto, read_captions
from lstm_datasets.captioning.references import with_references
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.captioning import familiarity
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.tasks.captioning.results import Caption

__all__ = ["evaluate"]

# On Flickr8k's test photos, five references each. Show, Attend and Tell, with soft and with hard attention: Xu et al.
# 2015 (arXiv:1502.03044), table 1. The last is no LSTM: a prefix of CLIP's features before GPT-2.
PEERS: dict[str, dict[str, float]] = {
    "SAT soft": {"BLEU-1": 67, "BLEU-2": 44.8, "BLEU-3": 29.9, "BLEU-4": 19.5, "METEOR": 18.93},
    "SAT hard": {"BLEU-1": 67, "BLEU-2": 45.7, "BLEU-3": 31.4, "BLEU-4": 21.3, "METEOR": 20.30},
    "CLIP+GPT-2": {"BLEU-1": 69.8, "BLEU-2": 50.8, "BLEU-3": 36.3, "BLEU-4": 25.9, "METEOR": 25.7},
}
SCORES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "METEOR", "CIDEr")
FAMILIAR = 0.93  # share of held-out photos that count as familiar
_TOLERATED = 0.1  # share of photos that may be unreadable


def evaluate(
    data: str,
    model: str = "captioner",
    split: str = "dev",
    beam: int = 5,
    batch: int = 16,
    limit: int | None = None,
    timed: int = 20,
    meteor: bool = True,
    overlap: bool = False,
    json: str | None = None,
    plot: str | None = None,
    calibrate: str | None = None,
    language: str = "en",
    references: str | None = None,
) -> dict[str, Any]:
    """Measures a captioner on photos with reference captions, prints a table and returns the figures.

    BLEU-1 to 4, ROUGE-L, CIDEr and, where Java is installed, METEOR are those of pycocoevalcap, in per cent, with the
    words of its tokeniser. A word's confidence is held against whether any reference has the word: the calibration is
    fitted on one half of the photos and its expected error (15 bins of equal mass) measured on the other. Seconds are
    those of the clock, on one thread, from the file to the caption.

    Args:
        data: photos with captions, as for training.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
        split: the part of the data to measure on; all of it where the data names no splits.
        beam: hypotheses that beam search keeps.
        batch: photos captioned at once.
        limit: measure on the first so many photos.
        timed: photos captioned one at a time for the time a photo takes; 0 leaves this out.
        meteor: whether METEOR is wanted where Java is installed; it takes a minute at most.
        overlap: look for photos of the split in the rest of the data, too.
        json: a .json file for the figures and every caption.
        plot: a .png, .svg or .pdf file for the calibration plot.
        calibrate: a folder to save the model in with its confidences calibrated on all these photos, and with what is
            familiar to it: statistics of the data's other photos, those trained on.
        language: of the captions, such as de, by the bundled translator.
        references: a .jsonl file, also as .xz, of other captions to compare with, such as in that language: a photo a
            line, {"key": "NAME", "captions": ["…"]}.

    Returns:
        The figures, as in the file.

    Raises:
        InputError: the model, the data or an option is not what it should be, or a file cannot be written.
        ModuleNotFoundError: the scorer (the extra ``bench``) is not installed.
    """
    if min(beam, batch) < 1 or timed < 0 or (limit is not None and limit < 1):
        raise InputError("beam, batch and limit must be 1 or more, timed 0 or more", usage=True)
    if language != "en" and (references is None or calibrate is not None):
        raise InputError("--language goes with --references in that language, and without --calibrate", usage=True)
    import pycocoevalcap.bleu.bleu  # noqa: F401 - missing, it should be so now and not at the end

    check_results(json, plot)
    captioner = hub.load_as(Captioner, model)
    photos, rest, named = _parts(data, split, limit)
    if references is not None:
        photos = with_references(photos, references)
    translator = None if language == "en" else bundled_translator(language, "--language", "en")
    now = Calibration(captioner.config.temperature, captioner.config.calibration_bias)
    weight = captioner.config.distance_weight
    if translator is None:
        captioner.config = dataclasses.replace(
            captioner.config, temperature=1.0, calibration_bias=0.0, distance_weight=0.0
        )
    else:  # the confidences as users see them; METEOR's stems and synonyms are English
        now, meteor = Calibration(1.0, 0.0), False
    notes: list[str] = []
    captions, seconds = describe(captioner, photos, beam, batch, notes, n_best=1 if translator is None else beam)
    unordered = None
    if translator is not None:
        firsts = {name: dataclasses.replace(caption, alternatives=()) for name, caption in captions.items()}
        unordered = {name: caption.translated(translator).text for name, caption in firsts.items()}
        captions = {name: caption.translated(translator, n_best=1) for name, caption in captions.items()}
    photos = [photo for photo in photos if photo.name in captions]
    figures: dict[str, Any] = {"model": model, "data": Path(data).name, "split": split if named else ""}
    figures |= {"photos": len(photos), "beam": beam, "language": language}
    figures["scores"] = caption_scores(
        {name: caption.text for name, caption in captions.items()},
        {photo.name: photo.captions for photo in photos},
        training=[text for photo in rest for text in photo.captions] or None,
        use_meteor=meteor,
        notes=notes,
    )
    if unordered is not None:
        targets = {photo.name: photo.captions for photo in photos}
        figures["scores_in_the_captioners_order"] = caption_scores(unordered, targets, use_meteor=False, notes=notes)
    report = calibration(captions, photos, now, notes)
    figures["calibration"] = None if report is None else dataclasses.asdict(report)
    figures["seconds"] = {"batch": batch, "a_photo_in_a_batch": seconds}
    if timed:
        figures["seconds"]["a_photo_alone"] = alone(captioner, photos[:timed], beam)
    if overlap:
        figures["overlap"] = [match._asdict() for match in find_overlap(rest, photos)]
        if not rest:
            notes.append("overlap: the data has no other photos")
    figures |= {"notes": notes, "captions": _listed(captions, now)}
    show(figures)
    if json is not None:
        write_whole(json, as_json(figures))
    if plot is not None and report is not None:
        diagram(report, plot)
    if calibrate is not None and report is not None:
        _calibrate(captioner, report.fitted_on_all, weight, rest or photos, photos)
        hub.save(captioner, calibrate, card=hub.card(model))
    return figures


def _parts(data: str, split: str, limit: int | None) -> tuple[list[CaptionedPhoto], list[CaptionedPhoto], bool]:
    """The photos to measure on, the others that are no held-out ones, and whether the data name splits."""
    everything = read_captions(data)
    named = any(photo.split for photo in everything)
    photos = (read_captions(data, split) if named else everything)[:limit]
    return photos, [each for each in everything if named and each.split not in (photos[0].split, HELD_OUT)], named


def _listed(captions: Mapping[str, Caption], now: Calibration) -> list[dict[str, Any]]:
    """The captions as the file has them, with confidences as the model has them now."""
    return [
        {
            "photo": name,
            "caption": caption.text,
            "log_probability": round(caption.log_probability, 3),
            "words": [[word.text, round(float(now([word.confidence or 0.0])[0]), 4)] for word in caption.words],
        }
        for name, caption in captions.items()
    ]


def _calibrate(
    captioner: Captioner,
    best: Calibration,
    distance_weight: float,
    familiar: list[CaptionedPhoto],
    photos: list[CaptionedPhoto],
) -> None:
    """Gives the captioner's config the calibration, and the statistics of photos that are familiar to it."""
    config = dataclasses.replace(
        captioner.config,
        temperature=round(best.temperature, 4),
        calibration_bias=round(best.bias, 4),
        distance_weight=distance_weight,
    )
    captioner.config = dataclasses.replace(config, **familiar_photos(captioner, familiar, photos))


def as_json(figures: Mapping[str, Any]) -> str:
    """The figures indented, the captions a line each."""
    head = dumps({name: value for name, value in figures.items() if name != "captions"}, indent=1, ensure_ascii=False)
    lines = ",\n".join("  " + dumps(caption, ensure_ascii=False) for caption in figures["captions"])
    return f'{head[:-2]},\n "captions": [\n{lines}\n ]\n}}\n'


def describe(
    captioner: Captioner, photos: Sequence[CaptionedPhoto], beam: int, batch: int, notes: list[str], n_best: int = 1
) -> tuple[dict[str, Caption], float]:
    """A caption of every photo that can be opened, by name, and the seconds a photo took, opening it included.

    Raises:
        InputError: two photos have the same name, or more than a tenth cannot be opened.
    """
    if len({photo.name for photo in photos}) < len(photos):
        raise InputError("two photos have the same name, so their captions cannot be told apart")
    captions: dict[str, Caption] = {}
    failed: list[str] = []
    begin = time.perf_counter()
    for group in _progress([photos[start : start + batch] for start in range(0, len(photos), batch)]):
        images, names = [], []
        for photo in group:
            try:
                images.append(photo.image())
                names.append(photo.name)
            except InputError as error:
                failed.append(str(error))
        if images:
            captions.update(zip(names, captioner.caption(images, beam=beam, n_best=n_best), strict=True))
    seconds = time.perf_counter() - begin
    if len(failed) > _TOLERATED * len(photos):
        raise InputError(f"{len(failed)} of {len(photos)} photos cannot be opened; the first: {failed[0]}")
    notes += [f"left out: {sentence}" for sentence in failed]
    return captions, seconds / max(1, len(photos))


def _progress(groups: Sequence[Sequence[CaptionedPhoto]]) -> Iterator[Sequence[CaptionedPhoto]]:
    from rich.console import Console
    from rich.progress import track

    yield from track(groups, "captions", console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def calibration(
    captions: Mapping[str, Caption], photos: Sequence[CaptionedPhoto], now: Calibration, notes: list[str]
) -> CalibrationReport | None:
    """How honest the words' probabilities are; None where the photos are too few (then noted)."""
    rows = iter(reference_tokens([text for photo in photos for text in photo.captions]))
    names, words, probabilities, right = [], [], [], []
    for photo in photos:
        references = [next(rows) for _ in photo.captions]
        rated = [word for word in captions[photo.name].words if word.confidence is not None]
        names += [photo.name] * len(rated)
        words += [word.text for word in rated]
        probabilities += [float(word.confidence or 0.0) for word in rated]
        right += right_words([word.text for word in rated], references)
    try:
        return calibration_report(names, words, probabilities, right, now)
    except InputError as error:
        notes.append(f"calibration: {error}")
        return None


def familiar_photos(
    captioner: Captioner, trained: Sequence[CaptionedPhoto], held: Sequence[CaptionedPhoto], most: int = 2000
) -> dict[str, Any]:
    """Fields of the config that say which photos are familiar; none where the encoder has no classifier, or photos are
    too few.

    Args:
        captioner: whose.
        trained: photos that it was trained on; at most ``most`` of them, evenly spaced, are looked at.
        held: photos of the same kind; 93 in 100 of them count as familiar.
        most: see trained.
    """

    def features(photos: Sequence[CaptionedPhoto]) -> Tensor:
        groups = [photos[start : start + 16] for start in range(0, len(photos), 16)]
        return torch.cat([captioner.photo_features([photo.image() for photo in group]) for group in groups])

    try:
        found = familiarity.centroids(features(trained[:: -(-len(trained) // most)]))
        far = familiarity.distance(features(held[:most]), found).quantile(FAMILIAR)
    except InputError:
        return {}
    return {"familiar": familiarity.encode(found), "familiar_within": round(float(far), 4)}


def alone(captioner: Captioner, photos: Sequence[CaptionedPhoto], beam: int) -> float:
    """Median seconds from one photo's file to its caption, on one thread."""
    seconds = []
    with one_thread():
        captioner.caption(photos[0].image(), beam=beam)
        for photo in photos:
            begin = time.perf_counter()
            captioner.caption(photo.image(), beam=beam)
            seconds.append(time.perf_counter() - begin)
    return median(seconds)


def show(figures: Mapping[str, Any]) -> None:
    """Print the figures as a table, the peers' beside them."""
    from rich.console import Console
    from rich.table import Table

    scores, report, seconds = figures["scores"], figures["calibration"], figures["seconds"]
    peers = PEERS if figures.get("language", "en") == "en" else {}
    table = Table(
        title=f"{figures['photos']:,} photos, beam {figures['beam']}",
        caption=(
            "Published on Flickr8k's test photos: SAT, Show, Attend and Tell; a CLIP prefix for GPT-2, no LSTM."
            if peers
            else None
        ),
        title_justify="left",
        caption_justify="left",
    )
    for name in ("", Path(figures["model"]).name, *peers):
        table.add_column(name, justify="right" if name else "left", no_wrap=not name, overflow="fold")
    for name in SCORES:
        if name in scores or any(name in peer for peer in peers.values()):
            of_peers = [f"{peer[name]:.1f}" if name in peer else "–" for peer in peers.values()]
            table.add_row(name, f"{scores[name]:.1f}" if name in scores else "–", *of_peers)
    table.add_section()
    table.add_row("words used", f"{scores['vocabulary']:,.0f}")
    table.add_row("words a caption", f"{scores['words']:.1f}")
    table.add_row("distinct captions", f"{scores['distinct']:.1f} %")
    if "new" in scores:
        table.add_row("captions not trained on", f"{scores['new']:.1f} %")
    if report is not None:
        table.add_row("words a reference has", f"{100 * report['right']:.1f} %")
        table.add_row("calibration error of words", f"{100 * report['error_before']:.1f} %")
        table.add_row("fitted on the other half", f"{100 * report['error_after']:.1f} %")
        table.add_row("of these, not “a”, “on” …", f"{100 * report['error_of_others']:.1f} %")
        fitted = report["fitted_on_all"]
        table.add_row("temperature that fits", f"{fitted['temperature']:.3f}")
        table.add_row("calibration_bias that fits", f"{fitted['bias']:+.3f}")
    if "a_photo_alone" in seconds:
        table.add_row("ms a photo, one thread", f"{1000 * seconds['a_photo_alone']:.0f}")
    table.add_row(f"ms a photo, {seconds['batch']} at once", f"{1000 * seconds['a_photo_in_a_batch']:.0f}")
    if "overlap" in figures:
        table.add_row("photos in the rest too", f"{len(figures['overlap'])}")
    console = Console()
    console.print(table)
    for note in figures["notes"]:
        console.print(f"- {note}", markup=False, highlight=False)
