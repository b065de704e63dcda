"""Begins a task: writes the files of docs/adding_a_task.md under another name, and registers it.

Run in a checkout: python docs/new_task.py weather_forecasting

A block of that page whose title is a path becomes that file. If the file exists, its line that equals the first of the
block is found, and the other lines are inserted below.
"""

from __future__ import annotations

import argparse
import keyword
import re
from pathlib import Path

PAGE = Path(__file__).with_name("adding_a_task.md")
EXAMPLE = "character_model"
_BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Kind, title and text of each block of a page that has a title."""
    return _BLOCK.findall(page)


def new_task(name: str, root: Path) -> list[Path]:
    """Writes the files of a task into a checkout.

    Args:
        name: of the task, in lower case with underscores, such as ``weather_forecasting``.
        root: the checkout.

    Returns:
        The files that were written or changed.

    Raises:
        ValueError: the name does not fit, the task exists, or the checkout is not laid out as the page says.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise ValueError(f"“{name}” is not a name for a task: use lower case with underscores, such as image_sorting.")
    if (root / "lstm_models" / "tasks" / name).exists():
        raise ValueError(f"there is a task “{name}” already.")
    contents: dict[Path, str] = {}
    for _, title, text in blocks(_renamed(PAGE.read_text("utf-8"), name)):
        path = root / title
        if "/" not in title:  # not a file of the project
            continue
        if path.exists():
            text = _inserted(path, text)
        contents[path] = text
    for path in [path for path in contents if path.suffix == ".py"]:
        if not (path.parent / "__init__.py").exists() and root / "tests" not in path.parents:
            contents[path.parent / "__init__.py"] = f'"""The task {name}."""\n'
    for path, text in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return sorted(contents)


def _renamed(page: str, name: str) -> str:
    """The page for another task; its verb gets the task's name, too, as verbs must differ."""
    page = page.replace(EXAMPLE, name).replace(EXAMPLE.replace("_", "-"), name.replace("_", "-"))
    words = name.split("_")
    page = page.replace("CharacterModel", "".join(word.capitalize() for word in words))
    page = page.replace("CharacterNetwork", "".join(word.capitalize() for word in words) + "Network")
    if name != EXAMPLE:
        page = page.replace("sample-text", f"sample-{'-'.join(words)}").replace("sample_text", f"sample_{name}")
    return page


def _inserted(path: Path, text: str) -> str:
    first, _, rest = text.partition("\n")
    before, found, after = path.read_text("utf-8").partition(f"\n{first}\n")
    if not found:
        raise ValueError(f"{path} has no line “{first.strip()}” to insert below.")
    return before + found + rest + after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="such as weather_forecasting")
    root = PAGE.parents[1]
    try:
        changed = new_task(parser.parse_args().name, root)
    except ValueError as error:
        parser.error(str(error))
    for path in changed:
        print(path.relative_to(root))


if __name__ == "__main__":
    main()
