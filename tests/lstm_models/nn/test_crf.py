"""The chain against the sums and maxima over all label sequences of small problems, written out."""

import itertools

import pytest
import torch

from lstm_models.nn.crf import CRF

LABELS, TIME, BATCH = 3, 4, 5


@pytest.fixture
def problem():
    torch.manual_seed(3)
    crf = CRF(LABELS, forbidden=[(-1, 2), (0, 2)]).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf, torch.randn(BATCH, TIME, LABELS, dtype=torch.float64), torch.tensor([4, 1, 3, 2, 4])


def score(crf, emissions, labels):
    """The score of one sequence, by the definition."""
    total = crf.start[labels[0]] + crf.forbidden_start[labels[0]] + crf.stop[labels[-1]]
    for time, label in enumerate(labels):
        total = total + emissions[time, label]
    for before, after in itertools.pairwise(labels):
        total = total + crf.transitions[before, after] + crf.forbidden[before, after]
    return total


def every(crf, emissions, length):
    """All label sequences of a length with their scores."""
    sequences = list(itertools.product(range(LABELS), repeat=length))
    return sequences, torch.stack([score(crf, emissions, labels) for labels in sequences])


def test_log_partition_is_the_sum_over_all_sequences(problem):
    crf, emissions, lengths = problem
    expected = torch.stack([every(crf, row, int(n))[1].logsumexp(0) for row, n in zip(emissions, lengths, strict=True)])
    torch.testing.assert_close(crf.log_partition(emissions, lengths), expected)


def test_log_likelihoods_of_all_sequences_sum_to_one(problem):
    crf, emissions, _ = problem
    for length in (1, 3):
        sequences, _ = every(crf, emissions[0], length)
        rows = torch.tensor(sequences)
        log_probs = crf.log_likelihood(emissions[:1, :length].expand(len(rows), -1, -1), rows)
        torch.testing.assert_close(log_probs.exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_score_ignores_padding(problem):
    crf, emissions, lengths = problem
    labels = torch.randint(LABELS, (BATCH, TIME))
    expected = [score(crf, row, each[:n].tolist()) for row, each, n in zip(emissions, labels, lengths, strict=True)]
    torch.testing.assert_close(crf.score(emissions, labels, lengths), torch.stack(expected))


def test_marginals_are_sums_over_all_sequences(problem):
    crf, emissions, lengths = problem
    found = crf.marginals(emissions, lengths)
    for row, length in enumerate(lengths.tolist()):
        sequences, scores = every(crf, emissions[row], length)
        expected = torch.zeros(TIME, LABELS, dtype=torch.float64)
        for labels, share in zip(sequences, scores.softmax(0), strict=True):
            for time, label in enumerate(labels):
                expected[time, label] += share
        torch.testing.assert_close(found[row], expected)


def test_decode_finds_the_best_of_all_sequences(problem):
    crf, emissions, lengths = problem
    for path, row, length in zip(crf.decode(emissions, lengths), emissions, lengths.tolist(), strict=True):
        sequences, scores = every(crf, row, length)
        assert tuple(path) == sequences[int(scores.argmax())]


def test_forbidden_steps_are_never_decoded():
    crf = CRF(2, forbidden=[(-1, 1), (0, 1)])
    emissions = torch.tensor([[[0.0, 50.0], [0.0, 50.0]]])
    assert crf.decode(emissions) == [[0, 0]]
    assert float(crf.marginals(emissions)[0, :, 1].max()) == pytest.approx(0, abs=1e-6)


def test_gradient_is_finite_and_that_of_the_marginals(problem):
    """d log Z / d emissions are the marginal probabilities (a property of every exponential family)."""
    crf, emissions, lengths = problem
    emissions.requires_grad_()
    (gradient,) = torch.autograd.grad(crf.log_partition(emissions, lengths).sum(), emissions)
    torch.testing.assert_close(gradient, crf.marginals(emissions, lengths).detach())
