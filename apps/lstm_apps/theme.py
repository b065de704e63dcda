"""The look of the demo: a Gradio theme of system fonts and quiet colours, and the style sheet every tab shares.

Nothing here is fetched from elsewhere: the demo works without a network. Gradio takes both at ``launch``.
"""

from __future__ import annotations

from typing import Any

CSS = """
.gradio-container { max-width: 60rem !important; margin: 0 auto !important; }
.html-container { padding: 0 !important; }
.dark { --color-accent: #9db0da; --slider-color: #6f88c4; }
.page-head h1 { font-size: 1.5rem; font-weight: 600; letter-spacing: -0.01em; margin: 0; }
.page-head p { margin: 0.15rem 0 0; color: var(--body-text-color-subdued); }
.fine-print p { margin: 0; font-size: 0.85rem; line-height: 1.5; color: var(--body-text-color-subdued); }
.status { min-height: 1.5rem; line-height: 1.5rem; font-size: 0.9rem; color: var(--body-text-color-subdued); }
.status p { margin: 0; overflow-wrap: anywhere; }
.status .problem { color: #b3261e; }
.dark .status .problem { color: #ff9a90; }
button:focus-visible, a:focus-visible, input:focus-visible, textarea:focus-visible, [tabindex]:focus-visible {
  outline: 2px solid var(--color-accent); outline-offset: 2px;
}
.paper { background: #fffdf7; color: #1a2a5c; border: 1px solid #e4dfd2; border-radius: 8px; min-height: 11rem;
  padding: 1rem 0.75rem; overflow-x: auto; display: flex; align-items: center; box-sizing: border-box;
  box-shadow: 0 1px 2px rgb(60 50 30 / 6%), 0 8px 24px rgb(60 50 30 / 5%); }
.dark .paper { background: #1f2026; color: #dfe6fa; border-color: #3a3b43; box-shadow: none; }
.paper svg { display: block; max-width: 100%; height: auto; }
.paper p { margin: 0 auto; color: #6f6957; text-align: center; }
.dark .paper p { color: #a3a3ad; }
@media (max-width: 30rem) {
  .gradio-container main { padding: 1rem 0.75rem !important; }
  .paper { padding: 0.5rem 0; min-height: 8rem; }
  .paper svg path { vector-effect: non-scaling-stroke; stroke-width: 1.1px; }
}
"""


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
