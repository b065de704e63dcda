"""Pictures of the demo for the docs: each tab used as a person uses it, on a desk and on a phone.

Run: python docs/make_screenshots.py docs/images [--lines lines.npz]

Needs Playwright, Chromium and, for the picture of an own hand, IAM-OnDB: three lines of a writer whom no model has seen
are played into the pads, point by point.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page

from lstm_apps.demo import interface as demo
from lstm_datasets.handwriting.readers import HandwritingLine, read_lines, split_lines
from tests.helpers import browser

DESK, PHONE = {"width": 1120, "height": 900}, {"width": 390, "height": 844}
WRITER = "10211"  # of the test set
TITLES = {"captioning": "Captioning", "speech": "Speech", "handwriting": "Handwriting"}
TITLES |= {"image-generation": "Images", "inside": "Inside the LSTM"}


def caption(page: Page) -> None:
    page.locator("#captioning-examples button").first.click()
    page.get_by_text(re.compile(r"words? in \d")).wait_for()
    page.locator("#captioning-words .sentence:not([hidden]) .word").nth(1).click()
    page.get_by_text("Where it looked").wait_for()


def transcribe(page: Page) -> None:
    page.locator("#speech-examples button").first.click()
    page.locator("#speech-words .track").wait_for()
    page.get_by_role("img", name="Waveform").wait_for()


def write(page: Page) -> None:
    page.locator("#writing-style svg").nth(8).wait_for()
    page.get_by_role("radio", name="dora").click()
    page.get_by_label("Redraw what is illegible").check()
    page.get_by_role("button", name="Write", exact=True).click()
    page.locator("#writing-verdict .verdict").wait_for()


def draw_image(page: Page) -> None:
    page.get_by_text("steps in").first.wait_for()
    page.get_by_role("button", name="Half a 3").click()
    page.locator("#image-generation-finished-drawing g.step").first.wait_for(state="attached")
    for place in ("drawing", "finished-drawing"):
        page.locator(f"#image-generation-{place}").get_by_role("slider").fill("7")


def look_inside(page: Page) -> None:
    page.get_by_role("button", name="Look inside").click()
    page.get_by_text("points of the pen").wait_for()
    page.locator("#inside-gates .heat").first.wait_for()


USE = {
    "captioning": caption,
    "speech": transcribe,
    "handwriting": write,
    "image-generation": draw_image,
    "inside": look_inside,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=Path, help="IAM-OnDB as lines.npz")
    options = parser.parse_args()
    served = demo.assemble()
    url = demo.serve(served, port=0, rate=0)
    try:
        with browser.started() as chromium:
            phones = []
            for task, use in USE.items():
                page = opened(chromium, url, task, DESK, "light")
                use(page)
                saved(page.locator("#inside-gates" if task == "inside" else "main"), options.folder / f"{task}.png")
                page.context.close()
                page = opened(chromium, url, task, PHONE, "dark")
                use(page)
                phones.append(options.folder / f"phone-{task}.png")
                page.wait_for_timeout(700)
                page.evaluate("scrollTo(0, 0)")
                page.screenshot(path=phones[-1], full_page=True)
                page.context.close()
            joined(phones, options.folder / "phone.png")
            if options.lines is not None:
                page = opened(chromium, url, "handwriting", DESK, "light")
                own_hand(page, unseen(options.lines))
                saved(
                    page.locator("#tab-custom-style, [role=tabpanel]:visible").last,
                    options.folder / "style_pads.png",
                    1190,
                )
    finally:
        served.close()


def opened(chromium: Any, url: str, task: str, size: dict[str, int], scheme: Any) -> Page:
    page = chromium.new_context(viewport=size, color_scheme=scheme).new_page()
    page.set_default_timeout(150_000)
    page.goto(url)
    page.get_by_text("Ready").locator("visible=true").first.wait_for()
    tab = page.get_by_role("tab", name=TITLES[task], exact=True)
    if not tab.is_visible():  # on a phone some are in a menu
        page.locator(".overflow-menu button").first.click()
        tab = page.locator(".overflow-dropdown button", has_text=TITLES[task])
    tab.click()
    page.get_by_text("Ready").locator("visible=true").first.wait_for()
    page.add_style_tag(content="main { padding: 16px !important }")
    return page  # type: ignore[no-any-return]


def saved(what: Locator, path: Path, highest: int = 1200) -> None:
    what.page.wait_for_timeout(700)  # pictures and fonts
    what.screenshot(path=path)
    picture = Image.open(path).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, highest)))
    picture.quantize(192, dither=Image.Dither.NONE).save(path, optimize=True)


def joined(paths: list[Path], to: Path, height: int = 1500) -> None:
    """The upper parts of all pictures beside each other."""
    pictures = [Image.open(path).convert("RGB") for path in paths]
    height = min(height, max(picture.height for picture in pictures))
    sheet = Image.new("RGB", (sum(picture.width + 20 for picture in pictures) - 20, height), "white")
    left = 0
    for picture in pictures:
        sheet.paste(picture.crop((0, 0, picture.width, height)), (left, 0))
        left += picture.width + 20
    sheet.quantize(128, dither=Image.Dither.NONE).save(to, optimize=True)
    for path in paths:
        path.unlink()


def unseen(lines: Path) -> list[HandwritingLine]:
    """Three short lines of a writer of the test set."""
    found = [line for line in split_lines(read_lines(lines), "testset_v")[1] if line.writer == WRITER]
    return [line for line in found if 12 <= len(line.text) <= 34 and "#" not in line.text][:3]


def own_hand(page: Page, lines: list[HandwritingLine]) -> None:
    page.get_by_role("tab", name="Your own hand").click()
    for number, line in enumerate(lines, 1):
        page.get_by_label(f"Line {number}", exact=True).fill(line.text)
        play(page, page.locator(f"#custom-pad-{number} .paper-pad"), line.strokes)
    page.get_by_role("button", name="Fit my hand").click()
    page.locator("#custom-paper svg, #custom-status .problem").first.wait_for()
    print(page.locator("#custom-status").inner_text())


def play(page: Page, pad: Locator, strokes: Any, margin: float = 14.0) -> None:
    """The strokes, moved by the mouse over the pad."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    room = np.array([box["width"], box["height"]]) - 2 * margin
    scale = float((room / (high - low)).min())
    for stroke in strokes:
        moved = ((np.asarray(stroke) - low) * scale + [box["x"] + margin, box["y"] + margin]).tolist()
        page.mouse.move(*moved[0])
        page.mouse.down()
        for x, y in moved[1:]:
            page.mouse.move(x, y)
        page.mouse.up()


if __name__ == "__main__":
    main()
