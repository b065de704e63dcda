"""How long a newcomer waits: from the command to an address, and to a page in the browser that can be used.

Starts ``lstm-models demo`` several times, opens its page in Chromium with an empty profile, and waits until it says
that it is ready; then describes a photo, which loads the first model. Times are by the clock.

    python -m benchmarks.demo.first_page --json first_page.json

Needs Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.common import describe, machine, table, write_json

BROWSERS = ("/usr/bin/chromium", "chromium", "google-chrome")
TARGET = 10.0  # seconds to a page that can be used
NAMES = {"address": "the address is printed", "page": "the page can be used", "caption": "a first photo is described"}


def one(browser: Any) -> dict[str, float]:
    """Seconds from the command to each of `NAMES`."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "lstm_apps", "demo", "--port", "0"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert demo.stdout is not None
        url = next(found[0] for line in demo.stdout if (found := re.search(r"http://\S+", line)))
        seconds = {"address": time.perf_counter() - begin}
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        page.get_by_text("Ready.").first.wait_for()
        seconds["page"] = time.perf_counter() - begin
        page.locator("#captioning-examples button").first.click()
        page.get_by_text(re.compile(r"words? in \d")).wait_for()
        seconds["caption"] = time.perf_counter() - begin
        context.close()
        return seconds
    finally:
        demo.terminate()
        demo.wait()


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measures, prints the table and returns the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="starts")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        sys.exit("first_page.py: it takes Playwright (pip install playwright) and Chromium.")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        runs = [one(browser) for _ in range(given.repeats)]
        browser.close()
    facts: dict[str, Any] = {"machine": machine(), "runs": runs}
    print(f"# First page\n\n{describe(facts['machine'])}; {given.repeats} starts.\n")
    rows = [[shown, f"{median(run[name] for run in runs):.1f}"] for name, shown in NAMES.items()]
    print(table(["after the command", "seconds, median"], rows))
    met = "met" if median(run["page"] for run in runs) <= TARGET else "missed"
    print(f"\nTarget, a page that can be used: {TARGET:.0f} s: {met}.")
    write_json(given.json, facts)
    return facts


if __name__ == "__main__":
    main()
