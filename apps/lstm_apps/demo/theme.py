"""The look of the demo: a Gradio theme of system fonts and quiet colours, and the style sheet every tab shares.

Nothing here is fetched from elsewhere: the demo works without a network. A tab adds its own sheet, ``CSS`` of its
module.
"""

from __future__ import annotations

from typing import Any

from lstm_apps.demo.assets import asset

CSS = asset("lstm_apps.demo", "theme.css", "transcript.css")


def theme() -> Any:
    """The Gradio theme: ink blue on grey, in the fonts the reader's system has."""
    import gradio as gr

    ink = gr.themes.Color(
        c50="#f2f5fb", c100="#e3e9f5", c200="#c5d1ea", c300="#9db0da", c400="#6f88c4", c500="#4a66ac",
        c600="#385092", c700="#2d4076", c800="#26345f", c900="#1f2b4e", c950="#141c35", name="ink",
    )  # fmt: skip
    return gr.themes.Base(
        primary_hue=ink,
        neutral_hue="zinc",
        radius_size="md",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
        block_border_width="1px",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
    )
