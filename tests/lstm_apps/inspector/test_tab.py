"""The tab that shows the inside of the LSTM: its numbers, its pictures, its API, and the page in a browser.

Run: python -m pytest tests/lstm_apps/inspector/test_tab.py
"""

from __future__ import annotations

import base64
import functools
import io
import math
import re

import numpy as np
import pytest
import torch

from lstm_apps.inspector import experiments, html, plots, traces
from lstm_models.errors import InputError
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer
from tests.helpers import tiny_writer
from tests.lstm_apps.conftest import expect, tab_served
from tests.lstm_apps.tasks.speech.demo.test_tab_served import COLOURS, contrast

gr = pytest.importorskip("gradio")

pytestmark = pytest.mark.filterwarnings("ignore:::gradio.queueing")  # its use of pandas
TEXT = "ab <b>c"


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def writer():
    return tiny_writer.make()


@pytest.fixture(scope="module")
def recognizer():
    torch.manual_seed(0)
    return Recognizer(RecognizerConfig(hidden_size=10, layers=2, lookahead=2, language_model="")).eval()


@pytest.fixture(scope="module")
def written(writer):
    return traces.trace_writer(writer, TEXT, 3)


@pytest.fixture(scope="module")
def heard(recognizer):
    return traces.trace_recognizer(recognizer, "station.ogg")


class TestTape:
    def test_the_writers_gates_are_those_it_ran_with(self, writer, written):
        spelt = "ab (b)c"
        assert written.title == spelt
        assert "“<” was written as “(”" in written.notes
        x = torch.from_numpy(written.batch[0])[None]
        text = writer.characters(writer.encode(spelt))[None]
        with torch.no_grad():
            hidden, window, state = writer.window(x, text, torch.ones(1, len(spelt) + 1).bool())
            upper, _ = writer.upper(torch.cat([x, window, hidden], 2))
        for (_, layer), wanted in zip(written.layers, (hidden, upper), strict=True):
            assert layer["hidden"] == pytest.approx(wanted[0].numpy(), abs=1e-5)
        assert written.layers[0][1]["cell"][-1] == pytest.approx(state.c[0].numpy(), abs=1e-5)
        assert (written.place @ text[0].detach().numpy()) == pytest.approx(window[0].numpy(), abs=1e-4)

    def test_its_batch_has_samples_of_unequal_length(self, written):
        assert written.names == ("ab (b)c", *traces.BESIDE)
        lengths = [len(one) for one in written.batch]
        assert len(set(lengths)) > 1
        assert dict(written.shapes)["input: pen moves and style"] == (3, max(lengths), 6)
        assert written.steps == lengths[0]
        assert not written.batch[0][0, :3].any()  # nothing comes before the first move

    def test_the_pen_is_where_the_writer_draws(self, writer, written):
        """The moves are the input one step later, and their sum is the path, but for its turn to a level line."""
        moves = written.batch[0][1:, :2] * writer.config.features.std + writer.config.features.mean
        steps = np.diff(written.points[:, :2], axis=0)
        assert np.hypot(*steps[:-1].T) == pytest.approx(np.hypot(*moves[1:].T), rel=1e-4)
        assert written.points[:-1, 2] == pytest.approx(written.batch[0][1:, 2])

    def test_letters_follow_the_text(self, written):
        firsts = [first for first, _, _ in written.letters]
        assert firsts == sorted(firsts)
        assert all(letter in written.title for _, _, letter in written.letters)

    def test_the_recognisers_gates_are_those_it_ran_with(self, recognizer, heard):
        given = []
        hooks = [
            layer.lstm.register_forward_hook(lambda _, __, out: given.append(out[0])) for layer in recognizer.layers
        ]
        with torch.no_grad():
            found, counts = recognizer(torch.from_numpy(heard.batch[0])[None])
        for hook in hooks:
            hook.remove()
        assert heard.steps == int(counts[0]) == found.size(1)
        for (_, layer), wanted in zip(heard.layers, given, strict=True):
            assert layer["hidden"] == pytest.approx(wanted[0].numpy(), abs=1e-5)
        assert heard.names == ("station", "river")
        assert heard.seconds == pytest.approx(0.03)

    def test_letters_of_the_best_path(self):
        assert traces.label_spikes([0, 2, 2, 0, 2, 3], " ab") == ((1, 3, "a"), (4, 5, "a"), (5, 6, "b"))
        assert traces.label_spikes([0], "ab") == ()

    @pytest.mark.parametrize(("text", "sentence"), [
        ("", "There is no text"), (" \n\t", "There is no text"), (None, "There is no text"), (7, "There is no text"),
        ("a" * 41, "has 41 characters; this page takes 40"), ("☃", "“☃” cannot be written"),
        ("㏒" * 40, "Spelt out"),
    ])  # fmt: skip
    def test_what_cannot_be_written_is_a_sentence(self, writer, text, sentence):
        with pytest.raises(InputError, match=sentence):
            traces.trace_writer(writer, text)

    def test_only_the_examples_are_heard(self, recognizer):
        for name in ("../CREDITS.txt", "", None):
            with pytest.raises(InputError, match=r"no such recording; there are station\.ogg, river\.ogg"):
                traces.trace_recognizer(recognizer, name)
        both = Recognizer(RecognizerConfig(hidden_size=4, layers=1, bidirectional=True, language_model=""))
        with pytest.raises(InputError, match="one direction"):
            traces.trace_recognizer(both, "river.ogg")


class TestPictures:
    def test_a_pixel_for_each_value_dark_where_there_is_nothing(self):
        from PIL import Image

        def pixels(values, *scale, **options):
            address = plots.heat(np.array(values), *scale, **options)
            return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))

        gate = pixels([[0, 0.5, 1], [-3, 0.25, 9]], 0, 1).astype(int)
        assert gate.shape == (2, 3, 3)
        assert (np.diff(gate.sum(2)[0]) > 0).all()
        assert (gate[1, [0, 2]] == gate[0, [0, 2]]).all()
        state = pixels([[-1, 0, 1]], -1, 1, signed=True).astype(int)
        assert state[0, 1].sum() < 100 < min(state[0, 0].sum(), state[0, 2].sum())
        assert state[0, 0, 2] > state[0, 0, 0]  # blue
        assert state[0, 2, 0] > state[0, 2, 2]  # orange

    def test_numbers_for_the_page(self):
        values = np.array([[0.5, -2.0], [0.0, 1.25]])
        scale, coded = re.findall(r'"([^"]*)"', plots.packed(values))
        numbers = np.frombuffer(base64.b64decode(coded), "<i2") * float(scale)
        assert numbers.reshape(2, 2) == pytest.approx(values, abs=1e-4)
        assert 'data-scale="' in plots.packed(np.zeros((0, 3)))

    def test_units_are_sorted_by_what_is_asked(self):
        time, peaks = np.arange(30), (20, 5, 12)
        cell = np.stack([np.exp(-((time - peak) ** 2) / 4) for peak in peaks] + [np.zeros(30)], 1)
        layer = {"cell": cell, "forget": np.tile([0.2, 0.9, 0.5, 1.0], (30, 1))}
        assert plots.order(layer, 3, "peak").tolist() == [1, 2, 0]
        assert plots.order(layer, 3, "memory").tolist() == [1, 2, 0]
        assert plots.order(layer, 9, "memory").tolist() == [3, 1, 2, 0]
        same = np.stack([np.sin(time), np.cos(3 * time), np.sin(time) + 0.01 * time, np.cos(3 * time)], 1)
        likeness = plots.order({"cell": same, "forget": same}, 4, "likeness").tolist()
        assert abs(likeness.index(0) - likeness.index(2)) in (1, 3)
        assert len(plots.order({"cell": cell[:1], "forget": cell[:1]}, 4, "likeness")) == 4

    def test_a_curve_lies_where_its_numbers_say(self):
        curve = plots.Curve("x<y", [0, 5, 10], [1, 0.01, 0.0], "one")
        drawn = plots.plot([curve], "a&b", x=(0, 10), y=(1e-4, 1), names=("n", "v"), level=(0.1, "tenth"))
        assert 'points="0.0,0.0 500.0,500.0 1000.0,1020.0"' in drawn  # nothing lies below the bottom
        assert 'points="0,250.0 1000,250.0"' in drawn
        assert "x&lt;y" in drawn
        assert 'aria-label="a&amp;b"' in drawn


class TestLessons:
    def test_the_adding_problem(self):
        x, y = experiments.adding(50, 11, torch.Generator().manual_seed(0))
        assert x.shape == (50, 11, 2)
        for one, total in zip(x.tolist(), y.tolist(), strict=True):
            marked = [k for k, (_, mark) in enumerate(one) if mark]
            assert len(marked) == 2
            assert marked[0] < 5 <= marked[1]
            assert total == pytest.approx(sum(one[k][0] for k in marked))

    def test_the_plain_networks_gradient_by_its_jacobians(self):
        """The gradient at h before a step is R' (1 − h²) times that after it."""
        steps = 12
        adder = experiments.adders(steps, 4)["plain RNN"].double()
        x, y = experiments.adding(8, steps, torch.Generator().manual_seed(4))
        x, y = x.double(), y.double()
        with torch.no_grad():
            h, _ = adder.recurrent(x)
            grad = 2 * (adder(x) - y)[:, None] * adder.reading.weight
            norms = [grad.norm(dim=1).mean()]
            for t in range(steps - 1, 0, -1):
                grad = (grad * (1 - h[:, t] ** 2)) @ adder.recurrent.weight_hh_l0
                norms.append(grad.norm(dim=1).mean())
        wanted = [float(norm / norms[0]) for norm in reversed(norms)]
        found = experiments.fading(steps, 4)
        assert found["plain RNN"] == pytest.approx(wanted, rel=1e-3)
        assert set(map(len, found.values())) == {steps}

    def test_states_of_the_adder_are_those_of_its_network(self):
        for adder in experiments.adders(10, 1).values():
            x, _ = experiments.adding(3, 10, torch.Generator().manual_seed(1))
            h, c = adder.states(x)
            assert adder.reading(h[-1]).flatten().tolist() == pytest.approx(adder(x).tolist(), abs=1e-5)
            assert len(c) in (0, 10)

    def test_the_lstm_keeps_what_the_plain_network_loses(self):
        first = {name: values[0] for name, values in experiments.fading(100).items()}
        assert first["LSTM, chrono"] > first["LSTM, forget bias 1"] > 1e-4 > 1e-15 > first["plain RNN"]

    def test_a_training_learns_and_ends(self):
        *_, last = experiments.Training.run(10, seed=1)
        assert last.learnt
        assert last.test["LSTM"] < 0.05 < experiments.BASELINE
        assert len(last.losses["LSTM"]) == len(last.losses["plain RNN"]) > 20
        one, other, said = last.example
        assert said["LSTM"] == pytest.approx(one + other, abs=0.6)
        markup = html.training(last, over=True)
        assert "The LSTM has learnt it." in markup
        first, none = experiments.Training.run(10, seconds=0)
        assert first is none
        assert not none.losses["LSTM"]
        assert "has not learnt it yet" in html.training(none, over=True)
        assert experiments.Training.smooth([1.0, 0.0], 0.25) == [1.0, 0.75]

    def test_how_long_a_bias_remembers(self):
        found = experiments.remembering(2.0)
        keep = 1 / (1 + math.exp(-2))
        assert found["sigmoid"][:3] == pytest.approx([1, keep, keep**2])
        assert found["measured"][0] == found["chrono"][0] == 1
        for bias in (3, 5):  # where the gate stands by its bias, the gradient goes by it
            assert experiments.remembering(bias)["measured"][10] == pytest.approx(
                (1 / (1 + math.exp(-bias))) ** 10, rel=0.1
            )
        assert experiments.remembering(-2)["measured"][20] < 1e-4
        assert found["chrono"][100] > 0.1
        markup = html.remembering(0.0, experiments.remembering(0))
        assert "a step keeps 50.0 % of the cell state; half is left after 1.0 step, " in markup

    @pytest.mark.parametrize("steps", [9, 201, 10.5, math.nan, math.inf, "ten", None, True, [20]])
    def test_lengths_out_of_range_are_a_sentence(self, steps):
        with pytest.raises(InputError, match=r"^The length must be a whole number from 10 to 200\.$"):
            experiments.fading(steps)
        with pytest.raises(InputError, match=r"length of a training must be a whole number from 10 to 100\.$"):
            next(experiments.Training.run(steps))

    @pytest.mark.parametrize("bias", [-2.1, 5.1, math.nan, "1", None, True, [1]])
    def test_biases_out_of_range_are_a_sentence(self, bias):
        with pytest.raises(InputError, match=r"^The forget bias must be a number from -2 to 5\.$"):
            experiments.remembering(bias)


class TestView:
    def test_markup_is_shown_not_run(self, writer):
        found = traces.trace_writer(writer, "a<i>&", 1)
        for markup in (html.shapes(found), html.gates(found, 1, "peak")):
            assert "<i>&" not in markup
        assert html.nothing("<b>") == '<div class="inside-none"><p>&lt;b&gt;</p></div>'

    def test_every_picture_has_its_words(self, written, heard):
        for found in (written, heard):
            markup = html.shapes(found) + html.gates(found, 2, "likeness")
            alts = re.findall(r'<img [^>]*?alt="([^"]*)"', markup)
            assert len(alts) == markup.count("<img ")
            assert all(len(alt) > 20 for alt in alts)
            gate = found.layers[1][1]["forget"]
            assert f"from {gate.min():.2f} to {gate.max():.2f}" in markup
        assert "data:audio/ogg;base64," in markup


def load(name: str):
    torch.manual_seed(0)
    if name == "writer":
        return tiny_writer.make()
    return Recognizer(RecognizerConfig(hidden_size=10, layers=2, lookahead=2, language_model="")).eval()


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with tab_served("inside", tmp_path_factory.mktemp("gradio"), load=load) as address:
        yield address


class TestApi:
    @pytest.fixture
    def client(self, url):
        return pytest.importorskip("gradio_client").Client(url, verbose=False, analytics_enabled=False)

    def test_named_and_typed(self, client):
        endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
        assert list(endpoints) == ["/gates", "/gradient_flow", "/forget_bias"]
        types = {p["parameter_name"]: p["type"]["type"] for p in endpoints["/gates"]["parameters"]}
        assert types == {
            "model": "string", "text": "string", "recording": "string", "layer": "integer", "seed": "integer",
        }  # fmt: skip

    def test_gates_of_both_models(self, client, written):
        found = client.predict(text=TEXT, layer=2, seed=3, api_name="/gates")
        assert found["steps"] == written.steps
        for name in traces.GATES:
            assert np.array(found[name]) == pytest.approx(
                written.layers[1][1][name][:, found["units"]], abs=1e-3
            )  # fmt: skip
        found = client.predict(model="recognizer", recording="station.ogg", api_name="/gates")
        assert found["shapes"]["input: log-mel frames"][0::2] == [2, 80]
        assert len(found["cell"]) == found["steps"]

    def test_lessons(self, client):
        assert client.predict(steps=20, api_name="/gradient_flow") == experiments.fading(20)
        assert client.predict(bias=1.5, api_name="/forget_bias") == experiments.remembering(1.5)

    @pytest.mark.parametrize(("name", "options"), [
        ("gates", {"model": "captioner"}), ("gates", {"model": ["writer", {}]}), ("gates", {"model": None}),
        ("gates", {"text": ""}), ("gates", {"text": "x" * 5000}), ("gates", {"text": "\x00\u202e☃"}),
        ("gates", {"layer": 3}), ("gates", {"layer": 0}), ("gates", {"layer": "x"}), ("gates", {"layer": 1.5}),
        ("gates", {"seed": -1}), ("gates", {"seed": 1e300}), ("gates", {"seed": {}}),
        ("gates", {"model": "recognizer", "recording": "../../../etc/passwd"}),
        ("gradient_flow", {"steps": 10**9}), ("gradient_flow", {"steps": "x"}), ("gradient_flow", {"steps": None}),
        ("forget_bias", {"bias": 1e9}), ("forget_bias", {"bias": "<b>"}), ("forget_bias", {"bias": [1]}),
    ])  # fmt: skip
    def test_hostile_values_end_in_a_sentence(self, client, name, options, capfd):
        from gradio_client.exceptions import AppError

        with pytest.raises(AppError) as error:
            client.predict(**options, api_name=f"/{name}")
        assert re.fullmatch(r"[A-Z][^\n]{10,200}\.", str(error.value))
        assert "Traceback" not in capfd.readouterr().err


READY = "Ready"  # or, where the gates are in sight from the start, "Ready: 94 points …"


@pytest.mark.browser
class TestBrowser:
    def look(self, page) -> None:
        page.get_by_role("button", name="Look inside").click()
        page.locator("#inside-gates .heat").first.wait_for()
        page.get_by_text("points of the pen").wait_for()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_fits_the_screen_and_can_be_read(self, visit, url, scheme, tmp_path):
        page = visit(url, READY, viewport={"width": 390, "height": 844}, color_scheme=scheme)
        self.look(page)
        for place in ("#inside-flow", "#inside-memory"):  # they are drawn when they come into sight
            page.locator(place).scroll_into_view_if_needed()
            page.locator(f"{place} .plot").wait_for()
        selectors = (
            ".lesson p", ".lesson .sources", ".explanation p", ".chain li", ".sample .cap", ".padding", ".number-list",
            ".drive label", ".play", ".sum p", ".lanes .cap span", ".lanes small", ".letters span", ".fine",
            ".plot .key li", ".plot .axis", ".rows span", ".columns span", ".found",
        )  # fmt: skip
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for selector in selectors:
                ink, tint = page.locator(f".inside {selector}, .inside{selector}").first.evaluate(COLOURS)
                assert contrast(ink, tint) >= 4.5, selector
                assert (sum(tint[:3]) > 3 * 128) == (scheme == "light")
            page.screenshot(path=tmp_path / f"{width}.png", full_page=True)

    def test_a_cursor_and_a_unit_by_mouse_and_by_keyboard(self, visit, url):
        page = visit(url, READY)
        self.look(page)
        status = page.locator("#inside-gates .where")
        steps = int(page.locator("#inside-gates .inside-gates").get_attribute("data-steps"))
        page.get_by_label("Step", exact=True).focus()
        page.keyboard.press("Home")
        expect(status).to_have_text(re.compile(f"^Step 1 of {steps}"))
        expect(page.locator("#inside-gates .sum .c")).to_contain_text(
            re.compile(r"c before \+ i · g = [\d.]+ × 0\.00 \+ ")
        )
        page.keyboard.press("ArrowRight")
        expect(status).to_have_text(re.compile(f"^Step 2 of {steps}"))
        f, old, i, g, c = self.numbers(page.locator("#inside-gates .sum .c").inner_text())
        assert c == pytest.approx(f * old + i * g, abs=0.03)
        units = page.locator("#inside-gates .inside-gates").get_attribute("data-units").split()
        lane = page.locator("#inside-gates .heat").first
        lane.scroll_into_view_if_needed()
        box = lane.bounding_box()
        lane.click(position={"x": box["width"] - 1, "y": 1})
        expect(status).to_have_text(re.compile(f"^Step {steps} of {steps}"))
        expect(status).to_have_text(re.compile(f"Unit {units[0]}:$"))
        page.get_by_label("Unit", exact=True).focus()
        page.keyboard.press("End")
        expect(status).to_have_text(re.compile(f"Unit {units[-1]}:$"))
        before = page.locator("#inside-shapes .number-list").inner_text()
        page.get_by_label("Timestep", exact=True).focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#inside-shapes .number-list")).not_to_have_text(before)

    @staticmethod
    def numbers(sentence: str) -> list[float]:
        return [float(number) for number in re.findall(r"-?\d+\.\d+", sentence.replace("−", "-"))]

    def test_listening_layers_orders_and_sentences(self, visit, url):
        page = visit(url, READY)
        page.get_by_label("Recogniser, hearing a recording").check()
        page.get_by_text("steps of 30 ms, 2 LSTM layers.").wait_for()
        expect(page.locator("#inside-gates audio")).to_have_count(1)
        first = page.locator("#inside-gates .heat img").first.get_attribute("src")
        page.locator("#inside-layer").get_by_label("2").check()
        page.wait_for_function(
            "first => document.querySelector('#inside-gates .heat img').src !== first", arg=first
        )  # fmt: skip
        page.get_by_label("Writer, writing a text").check()
        page.get_by_text("points of the pen").wait_for()
        page.locator("#inside-text").get_by_role("textbox").fill("☃")
        page.get_by_role("button", name="Look inside").click()
        page.locator("#inside-status").get_by_text("“☃” cannot be written").wait_for()
        assert "Traceback" not in page.content()

    def test_a_training_is_seen_and_stopped(self, visit, url, monkeypatch):
        # It would not end by itself, however busy the machine is
        monkeypatch.setattr(experiments.Training, "learnt", False)
        monkeypatch.setattr(experiments, "_LONGEST", 1e9)
        monkeypatch.setattr(experiments.Training, "run", functools.partial(experiments.Training.run, seconds=1e9))
        page = visit(url, READY)
        page.get_by_role("button", name="Train both").click()
        page.locator("#inside-losses .plot").wait_for()
        page.get_by_role("button", name="Stop", exact=True).click()
        page.locator("#inside-learnt").get_by_text("Stopped.").wait_for()
        expect(page.get_by_role("button", name="Train both")).to_be_enabled()
