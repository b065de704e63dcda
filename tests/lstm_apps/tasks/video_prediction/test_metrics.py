"""Figures of forecasts, by hand and by a naive loop."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_apps.tasks.video_prediction.metrics import squared_error, ssim


def test_squared_error_is_summed_over_pixels():
    truth = np.zeros((2, 3, 4))
    found = truth.copy()
    found[1, 0, :2] = 0.5, 1.0
    assert squared_error(found, truth).tolist() == [0.0, 1.25]


def test_similarity_by_a_naive_loop():
    random = np.random.default_rng(0)
    a, b = random.random((14, 13)), random.random((14, 13))
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights = np.outer(line, line) / line.sum() ** 2
    values = []
    for row in range(14 - 10):
        for column in range(13 - 10):
            x, y = (image[row : row + 11, column : column + 11] for image in (a, b))
            mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
            variance_x, variance_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
            covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
            above = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
            values.append(above / ((mean_x**2 + mean_y**2 + 0.01**2) * (variance_x + variance_y + 0.03**2)))
    assert float(ssim(a, b)) == pytest.approx(np.mean(values), abs=1e-9)


def test_similarity_of_the_same_is_one_and_of_several_that_of_each():
    frames = np.random.default_rng(1).random((2, 3, 20, 20))
    np.testing.assert_allclose(ssim(frames, frames), 1.0)
    found = ssim(frames, frames[::-1])
    assert found.shape == (2, 3)
    assert float(found[0, 1]) == pytest.approx(float(ssim(frames[0, 1], frames[1, 1])))
