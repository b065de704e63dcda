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
.gradio-container { --sure-tint: #d7e3fb; --unsure-tint: #ffd8a6; --doubt: #a3480a; }
.dark, .dark .gradio-container { --sure-tint: #2b4585; --unsure-tint: #7a4410; --doubt: #ffb77a; }
.looked { margin: 0; text-align: center; display: flex; flex-direction: column; align-items: center; }
.looked > p { margin: auto; padding: 1rem; color: var(--body-text-color-subdued); max-width: 18rem; }
div.looked { min-height: 340px; border: 1px dashed var(--border-color-primary); border-radius: 8px; }
.looked .photo { position: relative; line-height: 0; border-radius: 8px; overflow: hidden; background: #000; }
.looked img { display: block; max-width: 100%; max-height: 310px; margin: 0; border-radius: 0; }
.looked .veil { position: absolute; inset: 0; opacity: 0; background: rgb(0 0 0 / 62%); transition: opacity 0.15s;
  -webkit-backdrop-filter: grayscale(1); backdrop-filter: grayscale(1); -webkit-mask-size: 100% 100%;
  mask-size: 100% 100%; }
.looked .veil.on { opacity: 1; }
.looked figcaption { min-height: 1.5rem; margin-top: 0.4rem; font-size: 0.85rem; line-height: 1.5rem;
  color: var(--body-text-color-subdued); overflow-wrap: anywhere; }
.caption p { margin: 0; }
.caption .words { display: flex; flex-wrap: wrap; gap: 0.35rem; min-height: 3.4rem; align-items: flex-start; }
.caption .word { font: inherit; font-size: 1.3rem; line-height: 1.6rem; padding: 0.25rem 0.5rem; border-radius: 6px;
  border: 1px solid transparent; color: var(--body-text-color); max-width: 100%; overflow-wrap: anywhere; }
.caption .word small { display: block; font-size: 0.7rem; line-height: 1rem; opacity: 0.75; }
.caption [style*="--sure"] { background: color-mix(in oklab, var(--sure-tint) var(--sure), var(--unsure-tint)); }
.caption .word:first-child { text-transform: capitalize; }
.caption button.word { cursor: pointer; text-align: center; }
.caption button.word:hover { border-color: var(--color-accent); }
.caption button.word[aria-pressed=true] { border-color: var(--color-accent);
  box-shadow: 0 0 0 1px var(--color-accent); }
.caption .doubtful span { text-decoration: underline wavy var(--doubt) 1px; text-underline-offset: 0.2em; }
.caption .flag { margin-top: 0.5rem; font-size: 0.9rem; color: var(--doubt); }
.caption .scale { display: flex; align-items: center; gap: 0.5rem; margin-top: 0.5rem; font-size: 0.75rem;
  color: var(--body-text-color-subdued); }
.caption .scale span { width: 6rem; height: 0.5rem; border-radius: 4px;
  background: linear-gradient(in oklab to right, var(--unsure-tint), var(--sure-tint)); }
.caption h3 { margin: 1rem 0 0.25rem; font-size: 0.9rem; font-weight: 400; color: var(--body-text-color-subdued); }
.caption .others { margin: 0; padding: 0; list-style: none; counter-reset: place; }
.caption .others li { display: flex; align-items: baseline; gap: 0.4rem; padding: 0.1rem 0; counter-increment: place; }
.caption .others li::before { content: counter(place) "."; min-width: 1.1rem; }
.caption .other { font: inherit; text-align: left; background: none; border: 0; padding: 0.15rem 0.3rem;
  cursor: pointer; color: var(--body-text-color); border-radius: 4px; }
.caption .other:hover { text-decoration: underline; }
.caption .other[aria-pressed=true] { font-weight: 600; }
.caption .others small { flex: none; color: var(--body-text-color-subdued); }
@media (min-width: 40rem) { figure.looked { min-height: 340px; justify-content: center; } }
@media (prefers-reduced-motion: no-preference) {
  .caption .new { animation: appear 0.25s both; animation-delay: calc(var(--late) * 70ms); }
}
@keyframes appear { from { opacity: 0; transform: translateY(4px); } }
#captioning-examples p { margin: 0 0 0.4rem; font-size: 0.9rem; color: var(--body-text-color-subdued); }
.examples { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.example { padding: 0; border: 1px solid var(--border-color-primary); border-radius: 8px; overflow: hidden;
  cursor: pointer; background: none; line-height: 0; }
.example:hover { border-color: var(--color-accent); }
.example img { height: 80px; width: auto; margin: 0; border-radius: 0; }
#speech-file, #speech-microphone { overflow: visible; }
#speech-file audio { width: 100%; margin-top: 1.75rem; }
#speech-file .upload-container { height: 8rem !important; min-height: 0 !important; }
#speech-file .upload-container .wrap { min-height: 0; padding-top: 1.25rem; line-height: 1.4; }
.dark #speech-file audio { color-scheme: dark; }
.transcript { border: 1px solid var(--border-color-primary); border-radius: 8px; min-height: 7rem; padding: 0.9rem 1rem;
  background: var(--background-fill-primary); box-sizing: border-box; }
.transcript p { margin: 0; }
.transcript .waiting { color: var(--body-text-color-subdued); }
.transcript .line { font-size: 1.25rem; line-height: 2rem; overflow-wrap: anywhere; }
.transcript .line + .line { margin-top: 0.5rem; }
.gradio-container { --unsure-line: #a3480a; --playing: #c5d1ea; }
.dark, .dark .gradio-container { --unsure-line: #ffb77a; --playing: #385092; }
.transcript .word { font: inherit; line-height: inherit; color: var(--body-text-color); padding: 0.05rem 0.2rem;
  margin: 0 -0.05rem; border-radius: 4px; border: 0; background: none; text-underline-offset: 0.25em; }
.transcript button.word { cursor: pointer; }
.transcript button.word:hover { box-shadow: 0 0 0 1px var(--color-accent); }
.transcript .unsure, .transcript .doubtful {
  background: color-mix(in oklab, var(--unsure-tint) var(--unsure, 100%), transparent); }
.transcript .unsure { text-decoration: underline dotted var(--unsure-line) 2px; }
.transcript .doubtful { text-decoration: underline wavy var(--unsure-line) 1px; }
.transcript .partial { color: var(--body-text-color-subdued); font-style: italic; }
.transcript .gone { color: var(--body-text-color-subdued); }
.transcript .line .now { background: var(--playing); }
.transcript .legend { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.25rem 1rem;
  margin-top: 0.6rem; font-size: 0.85rem; line-height: 1.6rem; color: var(--body-text-color-subdued); }
.transcript .about { min-height: 1.6rem; }
.transcript .marks { display: flex; gap: 0.75rem; }
.transcript .strip { overflow-x: auto; margin: 0.75rem -1rem 0; border-top: 1px solid var(--border-color-primary);
  cursor: pointer; }
.transcript .track { position: relative; width: max(100%, var(--width)); }
.transcript .over { position: relative; height: calc(0.5rem + var(--rows) * 1.3rem); font-size: 0.8rem; }
.transcript .over .word { position: absolute; top: calc(0.3rem + var(--row) * 1.3rem); height: 1.2rem;
  line-height: 1.2rem; white-space: nowrap; padding: 0; margin: 0; box-sizing: border-box; border-radius: 0 3px 3px 0;
  border-left: 2px solid var(--color-accent); text-indent: 3px; }
.transcript .over i { position: absolute; left: -2px; right: 0; top: 1.2rem; border-left: 1px solid var(--color-accent);
  height: calc(176px + (var(--rows) - 1 - var(--row)) * 1.3rem); opacity: 0.35; pointer-events: none; z-index: 1; }
.transcript .over .now, .transcript .over .word:hover { background: var(--playing); z-index: 2; }
.transcript .over .now i, .transcript .over .word:hover i { background: rgb(157 176 218 / 45%); opacity: 1; }
.transcript .track img { display: block; width: 100%; margin: 0; border-radius: 0; }
.transcript .wave { height: 72px; }
.transcript .mel { height: 104px; }
.transcript .ticks { position: relative; height: 1.4rem; font-size: 0.7rem; line-height: 1.4rem;
  color: var(--body-text-color-subdued); font-variant-numeric: tabular-nums; }
.transcript .ticks span { position: absolute; padding-left: 3px; border-left: 1px solid var(--border-color-primary); }
.transcript .playhead { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--unsure-line); z-index: 3;
  pointer-events: none; }
.transcript .note { margin-top: 0.4rem; padding-left: 1rem; font-size: 0.85rem; color: var(--body-text-color-subdued); }
#speech-examples p { margin: 0 0 0.4rem; font-size: 0.9rem; color: var(--body-text-color-subdued); }
.recordings { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.recording { font: inherit; font-size: 0.9rem; text-align: left; padding: 0.4rem 0.75rem; border-radius: 8px;
  border: 1px solid var(--border-color-primary); background: var(--background-fill-primary); cursor: pointer;
  color: var(--body-text-color); }
.recording:hover { border-color: var(--color-accent); }
@media (max-width: 30rem) {
  .gradio-container main { padding: 1rem 0.75rem !important; }
  .paper { padding: 0.5rem 0; min-height: 8rem; }
  div.looked { min-height: 7rem; }
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
