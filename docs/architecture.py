"""Draws the floors of the three packages from their imports, and says where an import breaks the rules.

- Every ``import`` counts: at the top of a module, within a function, and under ``if TYPE_CHECKING``.
- ``python docs/architecture.py`` writes ``docs/images/floors.svg`` and prints what breaks a rule (exit status 1).
- ``tests/test_imports.py`` holds the packages to `problems`.

The rules: ``lstm_apps`` imports ``lstm_datasets`` imports ``lstm_models``, never back; within ``lstm_models`` a module
imports modules of its own floor or of a lower one (`FLOORS`, highest first); no task imports another task; there is
no circle of modules anywhere.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {"lstm_apps": "apps", "lstm_datasets": "datasets", "lstm_models": "."}
"""Each package with the folder it lies in, the highest first."""

FLOORS: tuple[tuple[str, ...], ...] = (
    ("__init__", "media", "ink_lines"),
    ("tasks",),
    ("checkpoints", "ink", "ngram", "analysis", "export"),
    ("nn", "decoding", "text", "io"),
    ("errors", "version", "results", "confidence", "deadlines", "devices", "field_checks"),
)
"""The parts of ``lstm_models``, the highest floor first."""

Graph = Mapping[str, frozenset[str]]
"""Each module's dotted name with those of the modules it imports."""


def imports(root: Path = ROOT) -> dict[str, frozenset[str]]:
    """The imports among the modules of the three packages under `root`."""
    files: dict[str, list[Path]] = {}
    for package, folder in PACKAGES.items():
        base = root / folder
        for path in sorted((base / package).rglob("*.py*")):
            if path.suffix in (".py", ".pyi"):  # names that are imported lazily stand in a .pyi
                parts = path.relative_to(base).with_suffix("").parts
                files.setdefault(".".join(parts[:-1] if parts[-1] == "__init__" else parts), []).append(path)
    return {
        name: frozenset(each for path in paths for each in _imported(name, path, files))
        for name, paths in files.items()
    }


def _imported(name: str, path: Path, known: Collection[str]) -> Iterator[str]:
    """The modules of `known` that a module imports.

    A package counts as imported where a name of its ``__init__`` is, not where one of its modules is.
    """
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
                base = f"{above}.{base}" if base else above
            found = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names]
        yield from (each for each in found if each in known and each != name)


def problems(graph: Graph) -> set[str]:
    """What breaks a rule, one line each: ``upward: lstm_models.io.images -> lstm_models.tasks.speech.model``."""
    broken = set()
    for name, others in graph.items():
        for other in others:
            if _height(other) > _height(name):
                broken.add(f"upward: {name} -> {other}")
            here, there = _task(name), _task(other)
            if here and there and here != there:
                broken.add(f"task to task: {name} -> {other}")
    return broken | {"circle: " + ", ".join(circle) for circle in circles(graph)}


def _height(name: str) -> int:
    """How high a module stands: what it imports may not stand higher."""
    package, *parts = name.split(".")
    if package != "lstm_models":
        return 10 + list(reversed(PACKAGES)).index(package)
    part = parts[0] if parts else "__init__"
    for height, floor in enumerate(reversed(FLOORS)):
        if part in floor:
            return height
    raise ValueError(f"{name} stands on no floor; FLOORS in docs/architecture.py lists them")


def _task(name: str) -> str | None:
    """The task of a module of ``lstm_models``; None where it belongs to none."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["lstm_models", "tasks"] and len(parts) > 2 else None


def circles(graph: Graph) -> list[list[str]]:
    """Modules that import each other, directly or through others: the strongly connected sets (Tarjan 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(graph.get(name, ())):
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            members = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(members) > 1:
                found.append(sorted(members))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return sorted(found)


def picture(graph: Graph) -> str:
    """The floors as SVG: a box for each part that exists, with its modules counted, and the imports between floors."""
    rows = [["lstm_apps"], ["lstm_datasets"], *([f"lstm_models.{part}" for part in floor] for floor in FLOORS)]
    sizes = Counter(_part(name) for name in graph)
    rows = [[part for part in row if sizes[part]] for row in rows]
    width, height, gap = 960, 56, 44
    boxes: dict[str, tuple[float, float, float]] = {}
    for number, row in enumerate(rows):
        wide = (width - 16 * (len(row) + 1)) / max(1, len(row))
        for place, part in enumerate(row):
            boxes[part] = (16 + place * (wide + 16), 16 + number * (height + gap), wide)
    arrows = Counter(
        (_part(name), _part(other)) for name, others in graph.items() for other in others if _part(name) != _part(other)
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {len(rows) * (height + gap)}" '
        'font-family="sans-serif" font-size="14" role="img" aria-label="The floors of lstm-models, from its imports">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#56709c"/></marker></defs>',
        f'<rect width="{width}" height="{len(rows) * (height + gap)}" fill="#fff"/>',
    ]
    for (start, end), count in sorted(arrows.items()):
        if boxes[start][1] == boxes[end][1]:
            continue  # of one floor: the test sees to it that there is no circle
        upward = boxes[start][1] > boxes[end][1]
        x1, x2 = (boxes[part][0] + boxes[part][2] / 2 for part in (start, end))
        y1, y2 = boxes[start][1] + (0 if upward else height), boxes[end][1] + (height if upward else 0)
        lines.append(
            f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{"#c00" if upward else "#56709c"}" '
            f'stroke-width="{min(4.0, 0.6 + count**0.5 / 3):.1f}" stroke-opacity="0.55" marker-end="url(#tip)"/>'
        )
    for part, (x, y, wide) in boxes.items():
        title = part.removeprefix("lstm_models.").replace("__init__", "lstm_models")
        modules = f"{sizes[part]} modules" if sizes[part] > 1 else "1 module"
        lines += [
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide:.0f}" height="{height}" rx="8" fill="#edf2fa" '
            'stroke="#385092"/>',
            f'<text x="{x + wide / 2:.0f}" y="{y + 25:.0f}" text-anchor="middle" fill="#1c1e26">{escape(title)}</text>',
            f'<text x="{x + wide / 2:.0f}" y="{y + 43:.0f}" text-anchor="middle" fill="#686c78" font-size="11">'
            f"{modules}</text>",
        ]
    return "\n".join([*lines, "</svg>", ""])


def _part(name: str) -> str:
    """The box of the picture that a module stands in."""
    parts = name.split(".")
    return parts[0] if parts[0] != "lstm_models" else ".".join([*parts[:2], *["__init__"][len(parts) - 1 :]])


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw the floors from the imports, and say what breaks a rule.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "floors.svg", help="the picture")
    options = parser.parse_args()
    graph = imports()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(picture(graph), encoding="utf-8")
    broken = problems(graph)
    print(*sorted(broken), sep="\n" if broken else "")
    arrows = sum(map(len, graph.values()))
    print(f"{len(graph)} modules, {arrows} imports, {len(broken)} against the rules; {options.out}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
