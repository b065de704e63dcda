"""How the tab shows a tape and the lessons: HTML with pictures of tensors, on one time axis, for the page's script.

Scripts and the style sheet are in ``assets/``.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import numpy as np

from lstm_apps.inspector import traces
from lstm_apps.inspector.experiments import BASELINE, LEARNT, SPAN, Training
from lstm_apps.inspector.plots import Curve, heat, order, packed, plot
from lstm_apps.inspector.traces import Tape

__all__ = ["UNITS", "fading", "gates", "lesson", "nothing", "remembering", "shapes", "training"]

UNITS = 64
"""Units of a layer that are shown, at most."""
_NAMED = {
    "input": ("i", "input gate", "how much of the candidate is written"),
    "forget": ("f", "forget gate", "how much of the cell state is kept"),
    "output": ("o", "output gate", "how much of the cell state is shown"),
    "candidate": ("g", "candidate", "what may be written"),
    "cell": ("c", "cell state", "the memory, c = f · c before + i · g"),
    "hidden": ("h", "hidden state", "what the layer gives out, h = o · tanh c"),
}
_SORTED = {
    "memory": "On top are those whose forget gate is most open: they remember longest.",
    "peak": "On top are those that are farthest from their mean earliest.",
    "likeness": "Those with a like course lie together.",
}
_LETTER = 11  # pixels of a letter on the time axis, at least


def nothing(sentence: str) -> str:
    """The place of a picture, while there is none."""
    return f'<div class="inside-none"><p>{escape(sentence)}</p></div>'


def lesson(title: str, *sentences: str, sources: str = "") -> str:
    """A heading and what is to be seen beneath it."""
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    cited = f'<p class="sources">{escape(sources)}</p>' if sources else ""
    return f"<h2>{escape(title)}</h2>{text}{cited}"


# Shapes ------------------------------------------------------------------------------------------------------------


def shapes(tape: Tape) -> str:
    """The input tensor of the batch: a picture for each sample, its padding, and the numbers at one timestep."""
    samples, longest, features = len(tape.batch), max(map(len, tape.batch)), tape.batch[0].shape[1]
    speech = tape.model == "recognizer"
    rows = []
    for number, (one, name) in enumerate(zip(tape.batch, tape.names, strict=True)):
        if speech:
            picture, height = heat(one[:, ::-1].T, -2.5, 2.5, signed=True), 80
            what = f"{features} mel bands, low ones at the bottom: blue is quiet, orange is loud"
            if tape.encoded:
                what = f"{features} features of the acoustic encoder: blue is below the mean of each step, orange above"
        else:  # the three numbers of the pen stand taller than the style's
            tall = np.concatenate([np.repeat(one[:, :3], 8, 1), one[:, 3:]], 1)
            picture, height = heat(tall.T, -2.5, 2.5, signed=True), 56
            what = f"dx, dy and the lift of the pen above, {features - 3} numbers of the style, always the same, below"
        fraction = 100 * len(one) / longest
        label = escape(f"“{name}”: {len(one)} timesteps")
        rows.append(
            f'<div class="sample" data-sample="{number}" data-steps="{len(one)}" {packed(one)}>'
            f'<p class="cap"><b>{number}</b> {label}</p><div class="lane" style="height: {height}px">'
            f'<img src="{picture}" style="width: {fraction:.3f}%" alt="{label} of {what}">'
            f'<span class="padding" style="left: {fraction:.3f}%">{"padding" if fraction < 90 else ""}</span>'
            '<div class="now" hidden></div></div></div>'
        )
    chain = "".join(
        f"<li>{escape(what)} <code>[{', '.join(map(str, shape))}]</code></li>" for what, shape in tape.shapes
    )
    chosen = "".join(f'<option value="{k}">{k}</option>' for k in range(samples))
    lengths = ", ".join(str(len(one)) for one in tape.batch)
    middle = len(tape.batch[0]) // 2
    first = "" if speech else "dx dy lift"
    return (
        f'<div class="inside-shapes" data-features="{features}" data-first="{first}"><div class="top">'
        f'{_box(samples, longest, features)}<div class="explanation"><p>x is <code>[{samples}, {longest}, '
        f"{features}]</code>; lengths are <code>[{lengths}]</code>. What stands in the padding never matters.</p>"
        f'<ol class="chain">{chain}</ol></div></div>{"".join(rows)}'
        f'<p class="fine">Features: {escape(what)}.</p>'
        f'<div class="drive"><label>Sample <select class="sample-choice">{chosen}</select></label>'
        f'<label class="wide">Timestep <input type="range" class="at" min="0" max="{longest - 1}" '
        f'value="{middle}"></label>'
        '</div><div class="numbers"><p class="cap number-list" aria-live="polite"></p>'
        '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true"><path class="zero" '
        'd="M0 50H1000"/><path class="bars"/></svg></div></div>'
    )


def _box(samples: int, steps: int, features: int) -> str:
    """A small drawing of what the three axes of the tensor are."""
    sheets = "".join(
        f'<rect x="{42 + 14 * k}" y="{52 - 14 * k}" width="150" height="62" rx="3" class="sheet"/>'
        for k in reversed(range(min(samples, 3)))
    )
    lines = "".join(f'<path d="M{42 + 15 * k} 52v62" class="line"/>' for k in range(1, 10))
    return (
        '<svg class="box" width="285" height="145" viewBox="0 0 285 145" role="img" aria-label="A batch is a stack of '
        f'{samples} samples; each has {steps} timesteps, and each timestep {features} features">{sheets}{lines}'
        f'<rect x="102" y="52" width="15" height="62" class="slice"/>'
        f'<text x="117" y="134" text-anchor="middle">{steps} timesteps →</text>'
        f'<text x="30" y="83" text-anchor="middle" transform="rotate(-90 30 83)">{features} features</text>'
        f'<text x="200" y="106">{samples} samples ↗</text></svg>'
    )


# Gates -------------------------------------------------------------------------------------------------------------


def gates(tape: Tape, layer: int, by: str) -> str:
    """The heat maps of a layer, with what was written or heard on the same time axis.

    Args:
        tape: what the model did.
        layer: which of its layers, from 1.
        by: how the units are sorted, as `pictures.order` takes it.
    """
    activations = tape.layers[layer - 1][1]
    units = order(activations, UNITS, by)
    steps = tape.steps
    above = _writer_figure(tape) if tape.model == "writer" else _recognizer_figure(tape)
    lanes = "".join(_heat(name, activations[name][:, units]) for name in traces.GATES)
    width = max(_LETTER * len(tape.letters), _LETTER * len(tape.title))
    total = activations["cell"].shape[1]
    rows = (
        '<div class="lane trace" data-curves="input forget output"><svg viewBox="0 0 1000 100" '
        'preserveAspectRatio="none" aria-hidden="true"></svg></div>'
        '<p class="cap"><b>c, h</b> <span>cell and hidden state of this unit</span></p>'
        '<div class="lane trace" data-curves="cell hidden"><svg viewBox="0 0 1000 100" '
        'preserveAspectRatio="none" aria-hidden="true"></svg></div>'
    )
    key = "".join(f'<i class="{name}"></i>{_NAMED[name][0]} ' for name in ("input", "forget", "output"))
    changing = f"{len(units)} of {total} units, those whose tanh c changes most"
    shown = changing if len(units) < total else f"All {total} units"
    return (
        f'<div class="inside-gates" data-steps="{steps}" data-seconds="{tape.seconds:g}" '
        f'data-units="{" ".join(map(str, units))}">{_stage(tape)}'
        '<div class="drive"><button type="button" class="play">Play</button>'
        f'<label class="wide">Step <input type="range" class="at" min="1" max="{steps}" value="{steps // 2}"></label>'
        f'<label class="wide">Unit <input type="range" class="unit" min="1" max="{len(units)}" '
        f'value="{len(units) // 2 or 1}"></label></div>'
        '<div class="sum" aria-live="polite"><p class="where"></p><p class="c"></p><p class="h"></p></div>'
        f'<div class="strip" tabindex="0" role="group" aria-label="Heat maps over time"><div class="lanes" '
        f'style="--width: {width}px">{above}{lanes}'
        f'<p class="cap"><b class="of">unit</b> <span class="key">{key}</span></p>{rows}<div class="now"></div></div>'
        f'</div><p class="fine">{shown}. {_SORTED[by]} Choose a row to follow '
        "its unit.</p></div>"
    )


def _heat(name: str, values: np.ndarray) -> str:
    """One lane: values [time, units]."""
    letter, title, what = _NAMED[name]
    signed = name in ("candidate", "cell", "hidden")
    # A few cell states grow large; the others shall be seen beside them
    most = 1.0 if name != "cell" else max(float(np.percentile(np.abs(values), 90)), 0.1)
    low = -most if signed else 0.0
    scale = f'<small>{_number(low)}<i class="{"signed" if signed else "open"}"></i>{_number(most)}</small>'
    found = f"mean {values.mean():.2f}, from {values.min():.2f} to {values.max():.2f}"
    about = f"{title.capitalize()} of {values.shape[1]} units over {len(values)} steps: {found}"
    return (
        f'<p class="cap"><b>{letter}</b> <span>{title}: {what}</span>{scale}</p>'
        f'<div class="lane heat" data-name="{name}" {packed(values)}>'
        f'<img src="{heat(values.T, low, most, signed=signed)}" alt="{about}"><div class="row"></div></div>'
    )


def _number(value: float) -> str:
    return f"{value:.2g}".replace("-", "−")


def _stage(tape: Tape) -> str:
    """What the model made or heard: the drawing with the pen, or the recording to listen to."""
    if tape.model == "recognizer":
        name = next(name for name, sentence in traces.EXAMPLES.items() if sentence == tape.title)
        sound = base64.b64encode(traces.audio(name)).decode()
        return (
            f'<div class="stage heard"><audio controls preload="auto" aria-label="The recording" '
            f'src="data:audio/ogg;base64,{sound}"></audio><p>“{escape(tape.title)}”</p></div>'
        )
    x, y, _ = tape.points.T
    left, top = x.min() - 1, y.min() - 1
    box = f"{left:.2f} {top:.2f} {np.ptp(x) + 2:.2f} {np.ptp(y) + 2:.2f}"
    return (
        f'<div class="stage paper" {packed(tape.points)}><svg viewBox="{box}" role="img" '
        f'aria-label="{escape(tape.title)}, by hand"><path class="ghost"/><path class="ink"/>'
        '<path class="pen"/></svg></div>'
    )


def _spans(spans: Sequence[tuple[float, float, str]], whole: float, kind: str) -> str:
    """Texts at their places of a time axis that is ``whole`` long."""
    made = "".join(
        f'<span data-from="{first / whole:.4f}" data-to="{last / whole:.4f}" style="left: {100 * first / whole:.3f}%; '
        f'width: {100 * (last - first) / whole:.3f}%">{escape(text)}</span>'
        for first, last, text in spans
        if first < whole
    )
    return f'<div class="marks {kind}" aria-hidden="true">{made}</div>'


def _writer_figure(tape: Tape) -> str:
    """Letters, the height of the pen, and the soft window's place on the text."""
    assert tape.place is not None  # the writer has one
    steps = tape.steps
    lifts = np.flatnonzero(tape.points[:, 2]) + 1
    pieces = np.split(np.column_stack([np.arange(steps), tape.points[:, 1]]), lifts)
    low, high = tape.points[:, 1].min(), tape.points[:, 1].max()
    path = "".join(
        "M"
        + "L".join(f"{1000 * (t + 0.5) / steps:.1f} {8 + 84 * (y - low) / max(high - low, 1e-6):.1f}" for t, y in one)
        for one in pieces
        if len(one)
    )
    place = tape.place.T
    count = len(place)
    diagonal = "".join(
        f'<span style="left: {100 * last / steps:.3f}%; top: {100 * (k + 0.5) / count:.2f}%">{escape(letter)}</span>'
        for k, last, letter in _seen(tape)
    )
    height = min(max(9 * count, 96), 240)
    return (
        f'<p class="cap"><b>letters</b> <span>where the soft window looks most</span></p>'
        f"{_spans(tape.letters, steps, 'letters')}"
        '<p class="cap"><b>y</b> <span>the pen up and down, broken where it lifts</span></p>'
        f'<div class="lane pen-lane"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{path}"/></svg></div>'
        '<p class="cap"><b>φ</b> <span>soft window: how much of each letter is seen, first letter on top</span></p>'
        f'<div class="lane window" style="height: {height}px"><img src="{heat(place, 0, float(place.max()))}" '
        f'alt="Soft window over {count} characters and {steps} steps: a diagonal from the first letter to the last">'
        f"{diagonal}</div>"
    )


def _seen(tape: Tape) -> list[tuple[int, int, str]]:
    """Number of each character, the step in which the window leaves it, and the character."""
    assert tape.place is not None
    at = np.maximum.accumulate(tape.place.argmax(1))
    return [(int(at[first]), last, letter) for first, last, letter in tape.letters]


def _recognizer_figure(tape: Tape) -> str:
    """Words over the waveform, and the letters of the network's best path."""
    assert tape.samples is not None  # the recogniser has some
    columns = 600
    begins = np.arange(columns) * len(tape.samples) // columns
    low, high = np.minimum.reduceat(tape.samples, begins), np.maximum.reduceat(tape.samples, begins)
    loudest = max(float(np.abs(tape.samples).max()), 0.01)
    top = "L".join(f"{k} {50 - 48 * value / loudest:.1f}" for k, value in enumerate(high))
    back = "L".join(f"{columns - 1 - k} {50.5 - 48 * value / loudest:.1f}" for k, value in enumerate(low[::-1]))
    whole = tape.steps * tape.seconds
    words = [
        (word.start, word.end, word.text) for word in tape.words if word.start is not None and word.end is not None
    ]
    return (
        '<p class="cap"><b>words</b> <span>found by the search</span></p>'
        f"{_spans(words, whole, 'words')}"
        f'<div class="lane wave"><svg viewBox="0 0 {columns} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="Waveform"><path d="M{top}L{back}Z"/></svg></div>'
        '<p class="cap"><b>letters</b> <span>the likeliest output of each step, blanks left out</span></p>'
        f"{_spans(tape.letters, tape.steps, 'letters')}"
    )


# Lessons -----------------------------------------------------------------------------------------------------------


def fading(found: dict[str, list[float]]) -> str:
    """The gradient of the loss by timestep, for each network."""
    steps = len(next(iter(found.values())))
    kinds = {"LSTM, chrono": "one", "LSTM, forget bias 1": "two", "plain RNN": "three"}
    states = {name: "h" if name == "plain RNN" else "c" for name in found}
    curves = [
        Curve(f"{name} ({states[name]})", range(1, steps + 1), values, kinds[name]) for name, values in found.items()
    ]
    fractions = {name: values[0] for name, values in found.items()}
    about = "; ".join(f"{name}: {_percent(fraction)}" for name, fraction in fractions.items())
    # Float32 ends near 1e-38: what is less is as good as nothing
    lowest = min((value for values in found.values() for value in values if value > 1e-38), default=1e-3)
    bottom = 10.0 ** max(-24, int(np.floor(np.log10(lowest))))
    top = 10.0 ** int(np.ceil(np.log10(max(1.0, *(value for values in found.values() for value in values)))))
    drawn = plot(
        curves, f"What reaches the first step. {about}", x=(1, steps), y=(bottom, top),
        names=("timestep", "gradient of the loss, as a share of that at the last h"),
    )  # fmt: skip
    return _framed(drawn, f"What is left at the first of {steps} steps: {about}.")


def _percent(fraction: float) -> str:
    """A share in words that stay short for the smallest ones."""
    if fraction < 1e-38:
        return "less than 32-bit numbers can hold"
    if fraction < 1e-3:
        return f"10 to the power of −{-int(np.floor(np.log10(fraction)))}"
    return f"{100 * fraction:.2g} %"


def training(found: Training, over: bool = False) -> str:
    """The loss of both networks while they learn, and what they say at the end."""
    done = len(found.losses["LSTM"])
    curves = [
        Curve(name, range(1, done + 1), Training.smooth(losses), kind)
        for (name, losses), kind in zip(found.losses.items(), ("one", "three"), strict=True)
    ]
    last = {curve.name: curve.y[-1] for curve in curves if len(curve.y)}
    about = "; ".join(f"{name} {value:.3f}" for name, value in last.items()) or "nothing yet"
    drawn = plot(
        curves, f"Mean squared error after {done} batches: {about}", x=(1, max(done, 100)), y=(1e-3, 1),
        names=("batches of 32 sequences", "mean squared error"), level=(BASELINE, "always answering 1"),
    )  # fmt: skip
    if not over or found.example is None:
        return _framed(drawn)
    one, other, given = found.example
    answers = ", ".join(f"the {name} says {value:.2f}" for name, value in given.items())
    errors = ", ".join(f"{name} {error:.4f}" for name, error in found.test.items())
    verdict = "The LSTM has learnt it" if found.test["LSTM"] < 3 * LEARNT else "The LSTM has not learnt it yet"
    return _framed(
        drawn,
        f"{verdict}. On 500 new sequences of {found.steps} steps the mean squared errors are: {errors}. "
        f"One of them: {one:.2f} + {other:.2f} = {one + other:.2f}; {answers}.",
    )


def remembering(bias: float, found: dict[str, list[float]]) -> str:
    """How long a memory lasts with a forget bias, and with the chrono initialisation beside it."""
    keep = found["sigmoid"][1]
    curves = [
        Curve(f"σ({_number(bias)})ⁿ = {keep:.3f}ⁿ", range(SPAN + 1), found["sigmoid"], "two dashed"),
        Curve(f"measured, bias {_number(bias)}", range(SPAN + 1), found["measured"], "two"),
        Curve(f"measured, chrono for {SPAN} steps", range(SPAN + 1), found["chrono"], "one"),
    ]
    about = f"After {SPAN} steps: " + "; ".join(f"{curve.name}: {_percent(curve.y[-1])}" for curve in curves)
    drawn = plot(
        curves, about, x=(0, SPAN), y=(1e-9, 1), names=("steps later", "what is left of the gradient at c"),
    )  # fmt: skip
    half = np.log(0.5) / np.log(keep)
    return _framed(
        drawn,
        f"σ({_number(bias)}) = {keep:.3f}: a step keeps {100 * keep:.1f} % of the cell state; half is left after "
        f"{half:.1f} {'step' if f'{half:.1f}' == '1.0' else 'steps'}, and the memory lasts about 1 + exp b = "
        f"{1 / (1 - keep):.1f} steps.",
    )


def _framed(drawn: str, sentence: str = "") -> str:
    found = f'<p class="found">{escape(sentence)}</p>' if sentence else ""
    return f'<div class="card">{drawn}{found}</div>'
