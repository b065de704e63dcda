"""What MkDocs does not do by itself for the documentation site (mkdocs.yml names this file):

- each page of docs/tasks/ gets into the navigation;
- pages outside docs/ that a page links to, such as README.md and model cards, become pages of the site;
- so do source files that a page links to; a link to a folder becomes its text;
- the reference: one section for each public name of ``lstm_models``, from its docstrings.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Targets of links and pictures; what stands in a fenced block or between backticks is skipped
_LINK = re.compile(r"(?P<code>^( *)```.*?^\2```|`[^`\n]+`)|\]\((?P<target>[^)\s]+)\)", re.MULTILINE | re.DOTALL)
_SOURCES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}


def on_config(config: Any) -> Any:
    """Every page of docs/tasks/ stands in the navigation, under its title."""
    for entry in config.nav:
        if "Tasks" in entry:
            pages = sorted((DOCS / "tasks").glob("*.md"))
            entry["Tasks"] = [{_title(page): f"tasks/{page.name}"} for page in pages]
    return config


def _title(page: Path) -> str:
    return page.read_text("utf-8").splitlines()[0].removeprefix("# ")


def on_files(files: Files, config: Any) -> Files:
    """Adds what pages link to, and what that links to, and the reference."""
    waiting = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    seen = set(waiting)
    for page in waiting:  # grows
        for target in targets(page):
            path = file_of(page, target)
            if path is not None and path not in seen:
                seen.add(path)
                if path.suffix == ".md":
                    waiting.append(path)
    for path in sorted(seen):
        if DOCS in path.parents and path.suffix not in _SOURCES:
            continue  # MkDocs finds it
        if path.suffix == ".md":
            content = path.read_text("utf-8")
        elif path.is_file():
            kind = _SOURCES.get(path.suffix, "text")
            head = "---\nsearch:\n  exclude: true\n---\n\n"
            content = f"{head}# {path.relative_to(ROOT)}\n\n````{kind}\n{path.read_text('utf-8')}````\n"
        else:
            continue
        files.append(File.generated(config, uri_of(path), content=content, inclusion=InclusionLevel.NOT_IN_NAV))
    files.append(File.generated(config, "reference.md", content=reference()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links as they lead within the site."""
    uri = page.file.src_uri
    origin = next((path for path in (ROOT / uri, DOCS / uri) if uri_of(path) == uri and path.exists()), None)
    if uri == "index.md":
        origin = ROOT / "README.md"
    if origin is None or origin.suffix != ".md":
        return markdown

    def changed(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or re.match(r"[a-z]+:|#", target):
            return match[0]
        path = file_of(origin, target)
        if path is None:
            return match[0]
        _, sharp, anchor = target.partition("#")
        return f"]({posixpath.relpath(uri_of(path), posixpath.dirname(uri) or '.')}{sharp}{anchor})"

    markdown = re.sub(r"\[([^\[\]]+)\]\(([^)\s#]+)\)", lambda match: _without_folder(match, origin), markdown)
    return _LINK.sub(changed, markdown)


def _without_folder(match: re.Match[str], origin: Path) -> str:
    target = match[2]
    is_folder = not re.match(r"[a-z]+:", target) and (origin.parent / unquote(target)).is_dir()
    return match[1] if is_folder else match[0]


def targets(page: Path) -> list[str]:
    found = (match["target"] for match in _LINK.finditer(page.read_text("utf-8")))
    return [target for target in found if target is not None and not re.match(r"[a-z]+:|#", target)]


def file_of(page: Path, target: str) -> Path | None:
    """The file of the project that a link on a page leads to; None if it is a folder or is not there."""
    path = Path(os.path.normpath(page.parent / unquote(target.partition("#")[0])))
    return path if path.is_file() and ROOT in path.parents else None


def uri_of(path: Path) -> str:
    """Where a file of the project lies in the site's sources."""
    if path == ROOT / "README.md":
        return "index.md"
    if DOCS in path.parents and path.suffix not in _SOURCES:
        return path.relative_to(DOCS).as_posix()
    relative = path.relative_to(ROOT)
    if path.suffix == ".md":
        return relative.as_posix().replace("README.md", "index.md")
    if path.suffix in (".png", ".svg", ".jpg"):
        return relative.as_posix()
    return f"source/{relative.as_posix()}.md"


def reference() -> str:
    """Directives of mkdocstrings for the public names, each where it is defined."""
    tree = ast.parse((ROOT / "lstm_models" / "__init__.pyi").read_text("utf-8"))
    homes = {
        alias.name: f"lstm_models.{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    directives = "\n\n".join(f"::: {home}" for name, home in sorted(homes.items()) if not name.startswith("_"))
    return f"# Reference\n\nThe public names of `lstm_models`, such as `lstm_models.load`.\n\n{directives}\n"
