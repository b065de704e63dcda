"""Calibration: what is fitted against what the outcomes were drawn with, the error by hand, and the diagram."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lstm_apps.evaluation import calibration
from lstm_apps.evaluation.calibration import Calibration, calibration_report, expected_calibration_error, fit
from lstm_apps.tasks.captioning.metrics import right_words
from lstm_models.errors import InputError


def drawn(truth: Calibration, count: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of words, and outcomes that ``truth`` calibrates."""
    random = np.random.default_rng(seed)
    p = random.beta(2, 1.2, count)
    return p, random.random(count) < truth(p)


@pytest.mark.parametrize(
    "truth", [Calibration(1, 0), Calibration(2.5, 0), Calibration(0.6, 0), Calibration(1.7, 1.2), Calibration(3, -0.8)]
)
def test_what_was_drawn_is_found(truth):
    p, right = drawn(truth)
    fitted = fit(p, right)
    assert fitted.temperature == pytest.approx(truth.temperature, rel=0.1)
    assert fitted.bias == pytest.approx(truth.bias, abs=0.1)
    assert expected_calibration_error(fitted(p), right) < 0.02


def test_temperature_alone():
    p, right = drawn(Calibration(2.5, 0))
    fitted = fit(p, right, bias=False)
    assert fitted.bias == 0
    assert fitted.temperature == pytest.approx(2.5, rel=0.1)


def test_fit_is_a_minimum():
    p, right = drawn(Calibration(1.7, 1.2), 500)
    fitted = fit(p, right)
    yes = right.sum()
    target = np.where(right, (yes + 1) / (yes + 2), 1 / (len(right) - yes + 2))

    def loss(temperature: float, bias: float) -> float:
        q = Calibration(temperature, bias)(p)
        return float(-(target * np.log(q) + (1 - target) * np.log(1 - q)).sum())

    best = loss(fitted.temperature, fitted.bias)
    for temperature in (0.99, 1, 1.01):
        for bias in (-0.01, 0, 0.01):
            assert loss(fitted.temperature * temperature, fitted.bias + bias) >= best - 1e-6


def test_evidence_is_weighed_as_logistic_regression_weighs_it():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(1)
    p, evidence = random.beta(2, 1.2, 4000), random.normal(size=(4000, 2))
    truth = Calibration(1.5, 0.3, (0.8, -1.2))
    right = random.random(4000) < truth(p, evidence)
    fitted = fit(p, right, evidence=evidence)
    features = np.column_stack([np.log(p / (1 - p)), evidence])
    other = LogisticRegression(C=1e9, tol=1e-9, max_iter=1000).fit(features, right)
    assert (1 / fitted.temperature, *fitted.weights) == pytest.approx(tuple(other.coef_[0]), abs=0.01)
    assert fitted.bias == pytest.approx(other.intercept_[0], abs=0.01)
    assert fitted(p, evidence) == pytest.approx(other.predict_proba(features)[:, 1], abs=0.01)


def test_a_report_with_evidence_tells_right_words_better():
    random = np.random.default_rng(2)
    p, evidence = random.beta(2, 1.2, 3000), random.normal(size=(3000, 1))
    right = random.random(3000) < Calibration(1.0, 0.0, (2.0,))(p, evidence)
    groups, words = [str(number) for number in range(3000)], ["word"] * 3000
    plain = calibration_report(groups, words, p, right)
    weighed = calibration_report(groups, words, p, right, evidence=evidence)
    assert weighed.area > plain.area + 0.1
    assert plain.fitted_on_all == weighed.fitted_without_evidence == fit(p, right)
    again = calibration_report(groups, words, p, right, weighed.fitted_on_all, evidence=evidence)
    assert again.error_before_on_all == weighed.error_after_on_all < 0.03


@pytest.mark.parametrize("right", [True, False])
def test_all_words_alike_still_give_a_calibration(right):
    p = np.linspace(0.1, 0.999, 50)
    fitted = fit(p, np.full(50, right))
    assert 0.05 <= fitted.temperature <= 20.001
    confidences = fitted(p)
    assert ((confidences > 0.9) if right else (confidences < 0.1)).all()


def test_confidences_rise_even_if_outcomes_fall():
    p = np.linspace(0.01, 0.99, 200)
    fitted = fit(p, p < 0.5)
    assert fitted.temperature == pytest.approx(20, rel=1e-3)
    assert (np.diff(fitted(p)) > 0).all()


def test_certain_words_stay_finite():
    confidences = Calibration(0.05, 0)([0.0, 1.0, 0.5])
    assert np.isfinite(confidences).all()
    assert confidences.tolist() == pytest.approx([0, 1, 0.5])
    assert Calibration()([0.2, 0.9]).tolist() == pytest.approx([0.2, 0.9])
    assert Calibration(2, 1)([0.7])[0] == pytest.approx(1 / (1 + math.exp(-(math.log(0.7 / 0.3) / 2 + 1))))


def test_error_by_hand():
    """Two bins of three: (0.2 − 1/3), (0.8 − 2/3)."""
    confidences, right = [0.9, 0.1, 0.2, 0.7, 0.8, 0.3], [True, False, True, False, True, False]
    bins = calibration.reliability(confidences, right, bins=2)
    assert [part.words for part in bins] == [3, 3]
    assert [part.confidence for part in bins] == pytest.approx([0.2, 0.8])
    assert [part.right for part in bins] == pytest.approx([1 / 3, 2 / 3])
    assert expected_calibration_error(confidences, right, bins=2) == pytest.approx(2 / 15)


def test_error_weighs_bins_by_their_words():
    assert expected_calibration_error([0.5, 0.5, 1.0], [True, True, True], bins=2) == pytest.approx(1 / 3)
    assert expected_calibration_error([0.5], [True]) == 0.5


def test_words_are_right_where_a_reference_has_them():
    references = [["a", "dog", "runs"], ["the", "Dog", "in", "grass"]]
    assert right_words(["A", "dog", "dogs", "grass", "on"], references) == [True, True, False, True, False]
    assert right_words([], references) == []
    assert right_words(["a"], []) == [False]


def test_halves_are_even_and_lasting():
    names = [f"{number:07}.jpg" for number in range(2000)]
    half = [calibration.first_half(name) for name in names]
    assert 900 < sum(half) < 1100
    assert half[:8] == [calibration.first_half(name) for name in names[:8]]
    # The first byte of the SHA-256, as sha256sum says
    assert calibration.first_half("1000268201.jpg") is False
    assert calibration.first_half("1001773457.jpg") is True
    assert calibration.first_half("\udcff.jpg") in (True, False)


def test_report_measures_on_the_other_half():
    p, right = drawn(Calibration(2, 1.5), 12_000)
    photos = [f"{number // 10}.jpg" for number in range(len(p))]
    words = ["the" if number % 2 else "dog" for number in range(len(p))]
    # Words of the half that is measured on have other outcomes: only a report that keeps the halves apart notices
    half = np.array([calibration.first_half(photo) for photo in photos])
    mixed = np.where(half, right, False)
    report = calibration_report(photos, words, p, mixed)
    assert report.error_after > 0.5
    report = calibration_report(photos, words, p, right)
    assert report.calibration == fit(p[half], right[half])
    assert report.fitted_on_all == fit(p, right)
    assert report.words == 12_000
    assert report.right == right.mean()
    assert report.error_after < 0.03 < min(report.error_of_temperature, report.error_before)
    assert report.error_before == expected_calibration_error(p[~half], right[~half])
    assert report.error_before_on_all == expected_calibration_error(p, right)
    content = ~half & (np.arange(len(p)) % 2 == 0)
    assert report.error_of_others == expected_calibration_error(report.calibration(p[content]), right[content])
    assert sum(part.words for part in report.bins_after) == (~half).sum()
    again = calibration_report(photos, words, p, right, report.calibration)
    assert again.error_before == again.error_after == report.error_after


def test_diagram(tmp_path):
    from PIL import Image

    p, right = drawn(Calibration(2, 1.5), 3000)
    report = calibration_report([str(number) for number in range(3000)], ["dog"] * 3000, p, right)
    path = tmp_path / "plot.png"
    calibration.diagram(report, path)
    with Image.open(path) as picture:
        assert min(picture.size) > 400
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 20
    calibration.diagram(report, tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plot.png", "plot.svg"]
    with pytest.raises(InputError, match=r"plot\.jpg is no name of a plot") as error:
        calibration.diagram(report, tmp_path / "plot.jpg")
    assert error.value.usage
    with pytest.raises(InputError, match="does not exist"):
        calibration.diagram(report, tmp_path / "none" / "plot.png")
    with pytest.raises(InputError, match=r"plot\.jpg is no name of a plot"):
        calibration.check_results(None, tmp_path / "plot.jpg")
    with pytest.raises(InputError, match="does not exist"):
        calibration.check_results(tmp_path / "none" / "figures.json", None)
    calibration.check_results(tmp_path / "figures.json", tmp_path / "plot.svg")


def test_what_goes_wrong():
    with pytest.raises(InputError, match="no word to calibrate on"):
        fit([], [])
    with pytest.raises(ValueError, match="2 probabilities and 1 outcomes"):
        fit([0.1, 0.2], [True])
    with pytest.raises(InputError, match="no word to measure"):
        expected_calibration_error([], [])
    with pytest.raises(InputError, match="1 photos are too few"):
        calibration_report(["a", "a"], ["dog", "cat"], [0.1, 0.2], [True, False])
