"""The tab for those who want to understand LSTMs: a real model's tensors, gates and states, and its gradient.

Run: lstm-models demo inside
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import gradio as gr

from lstm_apps.demo import components
from lstm_apps.demo.assets import asset
from lstm_apps.evaluation.threads import one_thread
from lstm_apps.inspector import experiments, html, traces
from lstm_apps.inspector.plots import order
from lstm_models.errors import InputError

TITLE = "Inside the LSTM"
CSS = asset("lstm_apps.inspector", "inspector.css")
TEXT = "Long short-term memory"
ORDERS = {"how long they remember": "memory", "when they peak": "peak", "likeness": "likeness"}

_MODELS = {"Writer, writing a text": "writer", "Recogniser, hearing a recording": "recognizer"}
_RECORDINGS = {sentence: name for name, sentence in traces.EXAMPLES.items()}
_KEPT = 8  # tapes that are remembered, of a few megabytes each
_LESSON_STEPS = 100
_script = functools.partial(asset, "lstm_apps.inspector")


def build(load: Callable[[str], Any] | None = None) -> gr.Blocks:
    """The tab as Gradio blocks; theme and style sheet come with `lstm_apps.demo.launch`.

    Args:
        load: gives a model by its name, "writer" or "recognizer", each asked for once, when it is first looked into;
            the bundled ones if left out.
    """
    with components.blocks(TITLE) as tab:
        InspectorTab(load)
    return tab


class InspectorTab:
    """The components of the tab and what they call; endpoints ``gates``, ``gradient_flow`` and ``forget_bias``."""

    def __init__(self, load: Callable[[str], Any] | None) -> None:
        self.models = {
            name: components.once(functools.partial(load, name) if load else components.bundled(name))
            for name in _MODELS.values()
        }
        self.lock = threading.Lock()
        self.taped = functools.lru_cache(maxsize=_KEPT)(self._taped)
        self._add_model()
        self._add_gates()
        self._add_gradient()
        self._add_forget_bias()
        self._connect()

    def _add_model(self) -> None:
        """What is looked into, and the tensor it reads."""
        with gr.Row(equal_height=True):
            self.model = gr.Radio(
                list(_MODELS.items()), value="writer", label="Model", scale=2, min_width=260, elem_id="inside-model"
            )
            self.text = gr.Textbox(
                TEXT, label="Text", info=f"up to {traces.MOST_CHARACTERS} characters", lines=1, max_lines=1,
                max_length=traces.MOST_CHARACTERS, scale=3, min_width=240, elem_id="inside-text",
            )  # fmt: skip
            self.recording = gr.Radio(
                list(_RECORDINGS.items()), value="river.ogg", label="Recording", scale=3, min_width=240, visible=False,
                elem_id="inside-recording",
            )  # fmt: skip
            self.go = gr.Button("Look inside", variant="primary", scale=1, min_width=140, elem_id="inside-go")
        self.status = gr.HTML(
            components.status("Ready."), elem_classes="status", elem_id="inside-status", apply_default_css=False
        )
        _lesson(
            "Samples, timesteps, features",
            "An LSTM reads a batch of sequences as one tensor. Its first axis counts the samples, its second the "
            "timesteps of the longest one, its third the features, the numbers that describe one timestep. Shorter "
            "samples are filled up with padding, and their true lengths go along.",
        )
        self.shapes = gr.HTML(
            html.nothing("The model's input appears here."), elem_id="inside-shapes", elem_classes="inside",
            apply_default_css=False, js_on_load=_script("numbers.js", "shapes.js"),
        )  # fmt: skip

    def _add_gates(self) -> None:
        """The gates and states of a layer."""
        _lesson(
            "Gates, cell state and hidden state",
            "Every step of a layer, as it really ran. The forget gate says how much of each unit's cell state stays, "
            "the input gate how much of the new candidate is added, and the output gate how much of the result the "
            "next layer sees. Each row of a heat map is one unit; bright is an open gate, blue a negative and orange "
            "a positive state.",
            sources="Hochreiter and Schmidhuber 1997, Long short-term memory; Gers, Schmidhuber and Cummins 2000, "
            "Learning to forget. The soft window: Graves 2013, Generating sequences with recurrent neural networks.",
        )
        with gr.Row():
            self.layer = gr.Radio(["1", "2"], value="1", label="Layer", min_width=200, elem_id="inside-layer")
            self.by = gr.Dropdown(
                list(ORDERS.items()), value="memory", label="Units sorted by", min_width=200, elem_id="inside-order"
            )
        self.seen = gr.HTML(
            html.nothing("Press Look inside."), elem_id="inside-gates", elem_classes="inside", apply_default_css=False,
            js_on_load=_script("when_seen.js", "numbers.js", "gates.js"),
        )  # fmt: skip

    def _add_gradient(self) -> None:
        """The gradient of untrained networks, and their training."""
        _lesson(
            "Gradient flow",
            "The adding problem: of a sequence of random numbers two are marked, one in each half, and their sum is "
            "asked for at the end. To learn it, the loss must reach back to the first mark. In a plain RNN its "
            "gradient shrinks at every step, exponentially; an LSTM carries it along the cell state. The networks "
            "are untrained, of 32 units; the plain RNN starts as torch initialises it.",
            sources="Hochreiter and Schmidhuber 1997; Bengio, Simard and Frasconi 1994, Learning long-term "
            "dependencies with gradient descent is difficult.",
        )
        self.steps = gr.Slider(
            experiments.FEWEST,
            experiments.MOST,
            _LESSON_STEPS,
            step=10,
            label="Length in timesteps",
            elem_id="inside-steps",
        )
        self.flow = gr.HTML(
            html.nothing("The gradient appears here."), elem_id="inside-flow", elem_classes=["inside", "inside-plot"],
            apply_default_css=False, js_on_load=_script("when_seen.js"),
        )  # fmt: skip
        with gr.Row():
            self.train = gr.Button("Train both", variant="primary", size="sm", min_width=140, elem_id="inside-train")
            self.stop = gr.Button("Stop", size="sm", min_width=140, interactive=False, elem_id="inside-stop")
        self.learnt = gr.HTML(
            components.status(
                f"Both learn from the same batches until the LSTM has it: some seconds, at most "
                f"{experiments.MOST_TRAINED} timesteps."
            ),
            elem_classes="status", elem_id="inside-learnt", apply_default_css=False,
        )  # fmt: skip
        self.losses = gr.HTML(
            "", elem_id="inside-losses", elem_classes=["inside", "inside-plot"], apply_default_css=False
        )

    def _add_forget_bias(self) -> None:
        """How long a memory lasts."""
        _lesson(
            "The forget bias",
            "With a bias b and nothing else, a forget gate keeps σ(b) of the cell state at every step, so σ(b)ⁿ is "
            "left after n steps: a bias of 1 forgets within ten steps, one of 5 remembers for a hundred. The measured "
            "gradient can lie higher, as it also finds ways through h. The chrono initialisation gives every unit a "
            "bias of its own, so that short and long memories exist from the start.",
            sources="Jozefowicz, Zaremba and Sutskever 2015, An empirical exploration of recurrent network "
            "architectures; Tallec and Ollivier 2018, Can recurrent neural networks warp time?",
        )
        self.bias = gr.Slider(-2, 5, 1, step=0.5, label="Forget bias b", elem_id="inside-bias")
        self.memory = gr.HTML(
            html.nothing("The memory appears here."), elem_id="inside-memory", elem_classes=["inside", "inside-plot"],
            apply_default_css=False, js_on_load=_script("when_seen.js"),
        )  # fmt: skip
        for slider in (self.steps, self.bias):
            # Gradio would compare what it is sent with numbers, with a traceback for a word
            slider.preprocess = _as_it_is  # type: ignore[method-assign]

    def _connect(self) -> None:
        """Which event calls what."""
        private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        one = {**private, "concurrency_id": "inside", "concurrency_limit": 1}
        given: dict[str, Any] = {
            "inputs": [self.model, self.text, self.recording, self.layer, self.by],
            "outputs": [self.shapes, self.seen, self.status, self.layer], **one,
        }  # fmt: skip
        gr.on([self.go.click, self.text.submit, self.seen.click], self.look, **given)
        self.recording.input(self.look, **given)
        gr.on(
            [self.layer.input, self.by.input],
            self.again,
            **{**given, "outputs": [self.seen, self.status]},
            trigger_mode="always_last",
        )
        self.model.input(self.choose, self.model, [self.text, self.recording, self.layer], **private).then(
            self.look, **given
        )
        gr.on(
            [self.steps.release, self.flow.click], self.fade, self.steps, self.flow, **one, trigger_mode="always_last"
        )
        gr.on(
            [self.bias.release, self.memory.click],
            self.remember,
            self.bias,
            self.memory,
            **one,
            trigger_mode="always_last",
        )
        run = self.train.click(
            self.learn, self.steps, [self.train, self.stop, self.learnt, self.losses], **private,
            concurrency_id="inside-training", concurrency_limit=1,
        )  # fmt: skip
        # One after the other: a step that was on its way would be shown in place of what the end says
        self.stop.click(None, cancels=[run], **private).then(
            self.stopped, None, [self.train, self.stop, self.learnt], **private
        )
        for function in (self.gates, self.gradient_flow, self.forget_bias):
            gr.api(function, api_name=function.__name__, concurrency_id="inside", concurrency_limit=1)

    def _taped(self, model: str, what: str, seed: int) -> traces.Tape:
        make = traces.trace_writer if model == "writer" else traces.trace_recognizer
        return make(self.models[model](), what, *([seed] if model == "writer" else []))

    def look_inside(self, model: str, what: str, layer: Any, seed: int = 1) -> tuple[traces.Tape, int]:
        """The tape, and the number of the layer. Raises InputError."""
        if model not in self.models:
            raise InputError(f"There is no such model; there are {', '.join(self.models)}.", usage=True)
        with self.lock, one_thread():
            found = self.taped(model, what, _seed(seed) if model == "writer" else 0)
        return found, experiments.whole(layer, "layer", 1, len(found.layers))

    def gates(
        self, model: str = "writer", text: str = TEXT, recording: str = "river.ogg", layer: int = 1, seed: int = 1
    ) -> dict[str, Any]:
        """Gates and states of a layer while the writer writes `text` or the recogniser hears `recording`.

        Gives "units" (numbers of the units shown, those whose tanh(c) changes most, longest memory first),
        "steps", "letters" ([first step, step after the last, character]), "shapes" of the tensors, and "input",
        "forget", "output", "candidate", "cell" and "hidden", each [step][unit].
        """
        with _sentences():
            found, number = self.look_inside(str(model), str(text if model == "writer" else recording), layer, seed)
            activations = found.layers[number - 1][1]
            units = order(activations, html.UNITS, "memory")
            return {
                "units": units.tolist(),
                "steps": found.steps,
                "letters": [list(letter) for letter in found.letters],
                "shapes": {what: list(shape) for what, shape in found.shapes},
                **{name: activations[name][:, units].round(4).astype(float).round(4).tolist() for name in traces.GATES},
            }

    def gradient_flow(self, steps: int = _LESSON_STEPS) -> dict[str, list[float]]:
        """The loss's gradient at each step of the adding problem of that length, by untrained network."""
        with _sentences(), one_thread():
            return experiments.fading(steps)

    def forget_bias(self, bias: float = 1.0) -> dict[str, list[float]]:
        """What is left after 0 to 100 steps at a forget bias: its sigmoid's powers, and two measured gradients."""
        with _sentences(), one_thread():
            return experiments.remembering(bias)

    def look(self, model: str, text: str, recording: str, layer: str, by: str) -> Iterator[dict[Any, Any]]:
        if not self.models[model].done:
            yield {self.status: components.status(f"Loading the {'writer' if model == 'writer' else 'recogniser'} …")}
        try:
            found, number = self.look_inside(model, text if model == "writer" else recording, _layer(layer, 1))
        except InputError as error:
            yield {self.shapes: html.nothing("Nothing was seen."), self.seen: html.nothing("Nothing was seen."),
                   self.status: components.status(str(error), problem=True)}  # fmt: skip
            return
        yield {
            self.shapes: html.shapes(found), self.seen: html.gates(found, number, by), self.status: _summary(found),
            self.layer: gr.Radio([(name, str(k)) for k, (name, _) in enumerate(found.layers, 1)], value=str(number)),
        }  # fmt: skip

    def again(self, model: str, text: str, recording: str, layer: str, by: str) -> dict[Any, Any]:
        """The same tape, seen otherwise."""
        try:
            found, number = self.look_inside(model, text if model == "writer" else recording, _layer(layer, 1))
        except InputError as error:
            return {self.status: components.status(str(error), problem=True)}
        return {self.seen: html.gates(found, number, by), self.status: _summary(found)}

    def choose(self, model: str) -> dict[Any, Any]:
        writes = model == "writer"
        count = 2 if writes else 4
        return {
            self.text: gr.Textbox(visible=writes), self.recording: gr.Radio(visible=not writes),
            self.layer: gr.Radio([str(k) for k in range(1, count + 1)], value="1"),
        }  # fmt: skip

    def fade(self, steps: Any) -> str:
        with one_thread():
            return _or_sentence(lambda: html.fading(experiments.fading(steps)))

    def remember(self, bias: Any) -> str:
        with one_thread():
            return _or_sentence(lambda: html.remembering(bias, experiments.remembering(bias)))

    def learn(self, steps: Any) -> Iterator[dict[Any, Any]]:
        on, off = gr.Button(interactive=True), gr.Button(interactive=False)
        yield {self.train: off, self.stop: on, self.learnt: components.status("Training …")}
        try:
            with one_thread():
                length = min(
                    experiments.whole(steps, "length", experiments.FEWEST, experiments.MOST),
                    experiments.MOST_TRAINED,
                )
                found = experiments.Training(length)
                for found in experiments.Training.run(length):
                    yield {self.losses: html.training(found), self.learnt: components.status(_learning(found))}
            yield {
                self.losses: html.training(found, over=True), self.train: on, self.stop: off,
                self.learnt: components.status("Done. " + _learning(found)),
            }  # fmt: skip
        except InputError as error:
            yield {self.train: on, self.stop: off, self.learnt: components.status(str(error), problem=True)}

    def stopped(self) -> dict[Any, Any]:
        return {self.train: gr.Button(interactive=True), self.stop: gr.Button(interactive=False),
                self.learnt: components.status("Stopped.")}  # fmt: skip


def _lesson(title: str, *sentences: str, sources: str = "") -> None:
    gr.HTML(
        html.lesson(title, *sentences, sources=sources), elem_classes=["inside", "lesson"], apply_default_css=False
    )  # fmt: skip


def _summary(found: traces.Tape) -> str:
    what = "points of the pen" if found.model == "writer" else f"steps of {1000 * found.seconds:.0f} ms"
    return components.status(f"Ready: {found.steps} {what}, {len(found.layers)} LSTM layers.", *found.notes)


def _learning(found: experiments.Training) -> str:
    return f"{len(found.losses['LSTM'])} batches of sequences of {found.steps} timesteps in {found.seconds:.0f} s."


def _layer(number: Any, otherwise: int) -> int:
    return int(number) if isinstance(number, str) and number.isdecimal() and len(number) < 3 else otherwise


def _seed(seed: Any) -> int:
    return experiments.whole(seed, "seed", 0, 2**31 - 1)


def _as_it_is(payload: Any) -> Any:
    return payload


def _or_sentence(make: Callable[[], str]) -> str:
    try:
        return make()
    except InputError as error:
        return components.status(str(error), problem=True)


@contextmanager
def _sentences() -> Iterator[None]:
    """Scripts get a message about what is wrong, too."""
    try:
        yield
    except InputError as error:
        raise gr.Error(escape(str(error), quote=False), print_exception=False) from error
