"""The documentation site builds without a warning, and needs nothing of other servers.

Run: pytest tests/test_site.py; `make docs` installs what it needs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lstm_models

pytest.importorskip("material", reason="the site comes with the extra “docs”")
pytest.importorskip("mkdocstrings", reason="the site comes with the extra “docs”")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_page_and_public_name_is_there(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").is_file()
    reference = (site / "reference.html").read_text("utf-8")
    for name in lstm_models.__all__:
        if not name.startswith("__"):
            assert re.search(rf'id="lstm_models\.[\w.]*\b{name}"', reference), f"{name} is not in the reference"


@pytest.mark.slow
def test_pages_load_nothing_from_other_servers(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="https?:', text), page
        assert not re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="https?:', text), page


@pytest.mark.slow
def test_links_of_the_pages_lead_to_files_of_the_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue  # it may be shown at any path
        for target in re.findall(r'<(?:a|img)[^>]+(?:href|src)="([^"#?]+)', page.read_text("utf-8")):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), f"{page.relative_to(site)} links to {target}"
