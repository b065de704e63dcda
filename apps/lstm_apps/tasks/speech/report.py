"""The figures of a recogniser as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lstm_apps.tasks.speech.recognition import Heard

__all__ = ["show"]


def show(figures: Mapping[str, Any], worst: Sequence[Heard]) -> None:
    """Print error rates, cost, delay, word times, calibration, and the worst utterances."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    console.print(_error_rates(figures))
    rows = [*_timing(figures.get("timing")), *_calibration(figures["calibration"])]
    if rows:
        from rich.table import Table

        table = Table(show_header=False)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if worst:
        console.print(f"the {len(worst)} worst utterances:")
        _worst(console, worst)
    for note in figures["notes"]:
        console.print(Text(f"- {note}"), soft_wrap=True)


def _error_rates(figures: Mapping[str, Any]) -> Table:
    from rich.table import Table

    searches = list(figures["error_rates"][0]["wer"])
    name = Path(figures["model"]).name
    table = Table(title=f"{name}: error rates in %, beam {figures['beam']}, LM {figures['lm']}", title_justify="left")
    table.add_column("set", no_wrap=True)
    table.add_column("lines", justify="right")
    table.add_column("words", justify="right")
    for kind in ("WER", "CER"):
        for search in searches:
            table.add_column(f"{kind} {search}", justify="right")
    for row in figures["error_rates"]:
        if row["set"] == "all":
            table.add_section()
        rates = [f"{row[kind][search]:.1f}" for kind in ("wer", "cer") for search in searches]
        table.add_row(row["set"], f"{row['utterances']:,}", f"{row['words']:,}", *rates)
    return table


def _timing(timing: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if timing is None:
        return []
    cost = timing["cpu_seconds_a_second"]
    rows = [
        ("timed recordings", f"{timing['recordings']} ({timing['seconds_of_sound']:.0f} s)"),
        ("CPU seconds a second, transcribe", f"{cost['all']:.4f}"),
        ("  front end, network, search", f"{cost['front_end']:.4f}  {cost['network']:.4f}  {cost['search']:.4f}"),
    ]
    if "stream" in cost:
        rows.append(("CPU seconds a second, stream", f"{cost['stream']:.4f}"))
    rates = "  ".join(f"{name} {value:.1f}" for name, value in timing["wer"].items())
    rows.append(("WER of the timed recordings", rates))
    for name, label in (
        ("delay", "word shown after its end"),
        ("delay_of_first_word", "  first word of a recording"),
        ("delay_of_anything", "  anything at all"),
        ("start_error", "word start, off by"),
        ("end_error", "word end, off by"),
    ):
        if timing.get(name):
            found = timing[name]
            rows.append((label, f"{1000 * found['median']:.0f} ms median, {1000 * found['p95']:.0f} ms for 95 %"))
    return rows


def _calibration(report: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if report is None:
        return []
    fitted = report["fitted_on_all"]
    numbers = [1 / fitted["temperature"], fitted["bias"], *fitted["weights"]]
    return [
        ("words that are right", f"{100 * report['right']:.1f} %"),
        ("calibration error of words", f"{100 * report['error_before']:.1f} %"),
        ("fitted on other speakers", f"{100 * report['error_after']:.1f} %"),
        ("area under the ROC curve, right against wrong words", f"{report['area']:.3f}"),
        ("calibration that fits", ", ".join(f"{number:.3f}" for number in numbers)),
    ]


def _worst(console: Console, worst: Sequence[Heard]) -> None:
    from rich.text import Text

    for each in worst:
        recording, counts = each.recording, each.errors[each.best]
        head = Text(f"{counts.wer:4.0f} %  {recording.set} {recording.key}", style="bold")
        console.print(head, soft_wrap=True)
        console.print(Text(f"        truth  {recording.text}"), soft_wrap=True)
        console.print(Text(f"        found  {each.texts[each.best] or '–'}"), soft_wrap=True)
