import math

import pytest

from lstm_models.decoding.rescoring import NBest, RescoreOptions, choose_weights, rescore
from lstm_models.errors import InputError
from tests.helpers.tiny_language_model import tiny


class Known:
    """A model of a few texts."""

    def __init__(self, **logs):
        self.logs, self.calls = logs, 0

    def log_probs(self, texts):
        self.calls += 1
        return [self.logs.get(text.replace(" ", "_"), -100.0) for text in texts]


def test_the_order_is_that_of_the_weighed_sums():
    model = Known(a=-4.0, b_c=-1.0, d=-4.0)
    texts, scores = ["a", "b c", "d"], [-1.0, -2.0, -1.0]
    assert rescore(texts, scores, model, RescoreOptions(0.0)) == [0, 2, 1]
    assert rescore(texts, scores, model, RescoreOptions(1.0)) == [1, 0, 2]  # -5, -3, -5
    assert rescore(texts, scores, model, RescoreOptions(0.2)) == [0, 2, 1]  # -1.8, -2.2, -1.8
    assert rescore(texts, scores, model, RescoreOptions(0.2, word_bonus=1.0)) == [1, 0, 2]  # -0.8, -0.2, -0.8
    assert rescore([], [], model) == []


def test_chosen_weights_make_the_fewest_errors_of_all_that_are_tried():
    model = Known(right=-1.0, wrong=-3.0, good=-2.0, bad=-1.5)
    lists = [NBest(["wrong", "right"], [-1.0, -1.5], [2, 0]), NBest(["good", "bad"], [-1.0, -1.2], [0, 5])]
    options, errors = choose_weights(lists, model, weights=(0.0, 0.3, 1.0), word_bonuses=(0.0,))
    # 0: wrong, good = 2; 0.3: -1.9 < -1.8, right; -1.6 > -1.65, good = 0; 1: right, bad = 5
    assert (options.weight, errors) == (0.3, 0)
    assert model.calls == 2


def test_the_language_model_takes_part():
    texts = ["The mat sat on the cat.", "The cat sat on the mat."]
    assert rescore(texts, [-1.0, -1.5], tiny(), RescoreOptions(0.5))[0] == 1
    assert tiny().log_probs([]) == []


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"weight": math.nan}, {"word_bonus": math.inf}, {"kept": 1.1}])
def test_weights_that_cannot_be(options):
    with pytest.raises(InputError, match="must be"):
        RescoreOptions(**options)


def test_as_many_scores_as_texts():
    with pytest.raises(ValueError, match="2 texts and 1 scores"):
        rescore(["a", "b"], [0.0], Known())
