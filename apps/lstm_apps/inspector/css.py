"""The style sheet of the tab; `lstm_apps.demo.theme` has what all tabs share. Nothing is imported here."""

from __future__ import annotations

__all__ = ["CSS"]

CSS = """
.gradio-container { --one: #2f5fc0; --two: #a3480a; --three: #6b6b76; --four: #0f7a5a; --five: #8a3a94; }
.dark, .dark .gradio-container { --one: #8fb3ff; --two: #ffb77a; --three: #a9a9b4; --four: #6fd3ae; --five: #e3a2ea; }
.inside.lesson h2 { font-size: 1.15rem; font-weight: 600; margin: 1.25rem 0 0.25rem; }
.inside.lesson p { margin: 0 0 0.35rem; line-height: 1.5; max-width: 46rem; }
.inside.lesson .sources { font-size: 0.8rem; color: var(--body-text-color-subdued); }
.inside .inside-none { border: 1px dashed var(--border-color-primary); border-radius: 8px; padding: 2rem 1rem;
  text-align: center; }
.inside .inside-none p { margin: 0; color: var(--body-text-color-subdued); }
.inside .inside-shapes, .inside .inside-gates, .inside .plot, .inside .found { font-size: 0.9rem; }
.inside .inside-shapes, .inside .inside-gates, .inside .card { border: 1px solid var(--border-color-primary);
  border-radius: 8px; padding: 0.9rem 1rem; background: var(--background-fill-primary); box-sizing: border-box; }
.inside .inside-shapes p, .inside .inside-gates p, .inside .found { margin: 0; }
.inside .inside-shapes .top { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; align-items: center; }
.inside .inside-shapes .box { flex: none; max-width: 100%; }
.inside .inside-shapes .told { flex: 1 1 16rem; min-width: 0; }
.inside .inside-shapes code { font-size: 0.85rem; white-space: nowrap; padding: 0.05rem 0.3rem; border-radius: 4px;
  background: var(--background-fill-secondary); color: var(--body-text-color); }
.inside .inside-shapes .chain { margin: 0.4rem 0 0; padding: 0; list-style: none; }
.inside .inside-shapes .chain li { display: flex; justify-content: space-between; gap: 0.5rem; max-width: 24rem;
  padding: 0.1rem 0; border-bottom: 1px solid var(--border-color-primary); }
.inside .box text { font-size: 13px; fill: var(--body-text-color); }
.inside .box .sheet { fill: var(--background-fill-secondary); stroke: var(--one); stroke-width: 1.5; }
.inside .box .line { stroke: var(--one); stroke-width: 0.75; opacity: 0.5; }
.inside .box .slice { fill: var(--two); opacity: 0.75; }
.inside .inside-shapes .sample { margin-top: 0.5rem; }
.inside .inside-shapes .lane { touch-action: pan-y; }
.inside .cap { font-size: 0.8rem; line-height: 1.3rem; color: var(--body-text-color-subdued);
  overflow-wrap: anywhere; }
.inside .cap b { color: var(--body-text-color); flex: none; white-space: nowrap; }
.inside .lane { position: relative; line-height: 0; }
.inside .lane img { display: block; width: 100%; height: 100%; margin: 0; border-radius: 0;
  image-rendering: pixelated; }
.inside .padding { position: absolute; top: 0; bottom: 0; right: 0; font-size: 0.75rem; line-height: 1.4rem;
  padding-left: 0.4rem; color: var(--body-text-color-subdued); overflow: hidden;
  background: repeating-linear-gradient(135deg, transparent 0 5px, var(--border-color-primary) 5px 6px); }
.inside .now { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: var(--two);
  z-index: 3; pointer-events: none; }
.inside .numbers { margin-top: 0.4rem; }
.inside .numbers svg { display: block; width: 100%; height: 56px; }
.inside .numbers .zero, .inside .trace .zero { stroke: var(--border-color-primary); stroke-width: 1;
  vector-effect: non-scaling-stroke; }
.inside .numbers .bars { fill: var(--one); }
.inside .drive { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1rem; margin-top: 0.6rem; }
.inside .drive label { display: flex; align-items: center; gap: 0.5rem; font-size: 0.85rem;
  color: var(--body-text-color); }
.inside .drive .wide { flex: 1 1 14rem; }
.inside .drive input[type=range] { flex: 1; min-width: 0; accent-color: var(--one); }
.inside .drive select { font: inherit; color: var(--body-text-color); background: var(--background-fill-primary);
  border: 1px solid var(--border-color-primary); border-radius: 6px; padding: 0.15rem 1.75rem 0.15rem 0.5rem; }
.inside .drive .play { font: inherit; font-size: 0.85rem; min-width: 4.5rem; padding: 0.3rem 0.75rem;
  border-radius: 6px; border: 1px solid var(--border-color-primary); background: var(--background-fill-secondary);
  cursor: pointer; color: var(--body-text-color); }
.inside .drive .play:hover { border-color: var(--color-accent); }
.inside .inside-gates .stage.paper { min-height: 0; padding: 0.75rem; box-shadow: none; }
.inside .inside-gates .stage svg { width: 100%; max-height: 130px; }
.inside .stage path { fill: none; stroke: currentColor; stroke-width: 2.5px; vector-effect: non-scaling-stroke;
  stroke-linecap: round; stroke-linejoin: round; }
.inside .stage .ghost { opacity: 0.3; }
.inside .stage .pen { stroke: var(--two); stroke-width: 11px; }
.inside .stage.heard audio { width: 100%; height: 40px; }
.dark .inside .stage.heard audio { color-scheme: dark; }
.inside .stage.heard p { color: var(--body-text-color-subdued); }
.inside .inside-gates .sum { position: sticky; top: 0; z-index: 5; margin: 0.6rem -1rem 0; padding: 0.35rem 1rem;
  background: var(--background-fill-primary); border-bottom: 1px solid var(--border-color-primary);
  font-variant-numeric: tabular-nums; line-height: 1.45rem; }
.inside .inside-gates .strip { container-type: inline-size; overflow-x: auto; margin: 0 -1rem; padding: 0 1rem; }
.inside .inside-gates .lanes { position: relative; min-width: var(--width); cursor: crosshair;
  touch-action: pan-x pan-y; }
.inside .inside-gates .cap { position: sticky; left: 0; width: 100cqw; z-index: 4;
  background: var(--background-fill-primary); display: flex; align-items: center; gap: 0.4rem; margin-top: 0.35rem; }
.inside .inside-gates .cap small { margin-left: auto; display: flex; align-items: center; gap: 0.3rem;
  font-size: 0.75rem; white-space: nowrap; }
.inside .inside-gates .cap small i { width: 3.5rem; height: 0.5rem; border-radius: 2px; }
.inside .cap i.open { background: linear-gradient(to right, #10131f, #2f4a8f 35%, #86a6de 70%, #fff3d0); }
.inside .cap i.signed {
  background: linear-gradient(to right, #b7dcff, #3f74c8 25%, #10131f 50%, #c0601c 75%, #ffd9a3); }
.inside .heat { height: 72px; }
.inside .heat .row { position: absolute; left: 0; right: 0; height: 0; border-top: 1px solid #fff; opacity: 0.75;
  pointer-events: none; mix-blend-mode: difference; }
.inside .window { overflow: hidden; }
.inside .window span { position: absolute; transform: translate(3px, -50%); font-size: 0.72rem; line-height: 1;
  color: #fff; pointer-events: none; }
.inside .marks { position: relative; height: 1.35rem; font-size: 0.75rem; line-height: 1.35rem; }
.inside .marks span { position: absolute; box-sizing: border-box; white-space: pre; overflow: visible;
  text-align: center; }
.inside .marks.letters span { display: flex; justify-content: center; }
.inside .marks.words span { text-align: left; border-left: 2px solid var(--color-accent); padding-left: 3px; }
.inside .marks .here { background: var(--playing); font-weight: 600; }
.inside .pen-lane, .inside .wave { height: 48px; }
.inside .lanes svg { display: block; width: 100%; height: 100%; }
.inside .pen-lane path { fill: none; stroke: var(--one); stroke-width: 1.4; vector-effect: non-scaling-stroke; }
.inside .wave path { fill: var(--one); }
.inside .trace { height: 64px; border: 1px solid var(--border-color-primary); box-sizing: border-box; }
.inside .trace polyline, .inside .plot polyline { fill: none; stroke-width: 1.6; vector-effect: non-scaling-stroke; }
.inside .trace .input { stroke: var(--four); }
.inside .trace .forget { stroke: var(--two); }
.inside .trace .output { stroke: var(--five); }
.inside .trace .cell { stroke: var(--one); stroke-width: 2.2; }
.inside .trace .hidden { stroke: var(--three); }
.inside .key i { display: inline-block; width: 1.1rem; height: 0; border-top: 3px solid;
  margin: 0 0.3rem 0.2rem 0.4rem; vertical-align: middle; }
.inside .key i.input { color: var(--four); }
.inside .key i.forget { color: var(--two); }
.inside .key i.output { color: var(--five); }
.inside .fine { font-size: 0.8rem; line-height: 1.4; margin-top: 0.5rem !important;
  color: var(--body-text-color-subdued); }
.inside .plot { margin: 0; }
.inside .plot .key { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0 0 0.4rem; padding: 0; list-style: none; }
.inside .plot .one { stroke: var(--one); color: var(--one); }
.inside .plot .two { stroke: var(--two); color: var(--two); }
.inside .plot .three { stroke: var(--three); color: var(--three); }
.inside .plot .dashed { stroke-dasharray: 5 4; border-top-style: dashed; }
.inside .plot polyline.level { stroke: var(--body-text-color-subdued); stroke-width: 1; stroke-dasharray: 2 3; }
.inside .plot .area { position: relative; height: 220px; margin-left: 2.9rem;
  border-left: 1px solid var(--border-color-primary); border-bottom: 1px solid var(--border-color-primary); }
.inside .plot .area svg { display: block; width: 100%; height: 100%; }
.inside .plot .axis { margin: 0 0 0.35rem; font-size: 0.8rem; line-height: 1.3rem;
  color: var(--body-text-color-subdued); }
.inside .plot .axis.last { margin: 0; text-align: right; }
.inside .plot .rows span { position: absolute; right: calc(100% + 0.4rem); transform: translateY(-50%);
  white-space: nowrap; font-size: 0.75rem; line-height: 1rem; color: var(--body-text-color-subdued); }
.inside .plot .rows span { width: 2.6rem; text-align: right; }
.inside .plot .rows sup { font-size: 0.65rem; line-height: 0; }
.inside .plot .area > .rows { position: absolute; inset: 0; }
.inside .plot .rows i { position: absolute; left: calc(100% + 0.4rem); top: 50%; width: 100cqw; }
.inside .plot span.level { position: absolute; right: 0.3rem; transform: translateY(-100%); font-size: 0.75rem;
  line-height: 1.1rem; color: var(--body-text-color-subdued); }
.inside .plot .columns { position: relative; height: 1.2rem; margin-left: 2.9rem; font-size: 0.75rem;
  line-height: 1.4rem; color: var(--body-text-color-subdued); font-variant-numeric: tabular-nums; }
.inside .plot .columns span { position: absolute; transform: translateX(-50%); }
.inside .found { margin-top: 0.5rem !important; line-height: 1.5; }
@media (max-width: 30rem) {
  .inside .inside-shapes, .inside .inside-gates, .inside .card { padding: 0.75rem; }
  .inside .inside-gates .sum, .inside .inside-gates .strip { margin-left: -0.75rem; margin-right: -0.75rem;
    padding-left: 0.75rem; padding-right: 0.75rem; }
  .inside .stage path { stroke-width: 1.5px; }
  .inside .stage .pen { stroke-width: 7px; }
}
"""
