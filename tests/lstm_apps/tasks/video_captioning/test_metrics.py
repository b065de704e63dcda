"""Agreement of descriptions, counted by hand."""

import pytest

from lstm_apps.tasks.video_captioning.metrics import agreement


def test_agreement_is_the_mean_of_shared_words():
    assert agreement([["a dog runs", "A dog sits"]]) == pytest.approx(2 / 4)
    assert agreement([["a b", "a b"], ["a", "b"]]) == pytest.approx(0.5)
    assert agreement([["a b", "a c", "a"]]) == pytest.approx((1 / 3 + 1 / 2 + 1 / 2) / 3)
    assert agreement([["alone"]]) == 0.0
