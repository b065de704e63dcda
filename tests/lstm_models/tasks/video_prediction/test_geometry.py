"""Places, squares and expected pictures, by hand and by drawing lots."""

from __future__ import annotations

import pytest
import torch

from lstm_models.tasks.video_prediction.geometry import centroids, crops, placing, render


def test_the_centre_of_mass():
    image = torch.zeros(1, 20, 30)
    image[0, 4, 10], image[0, 6, 10], image[0, 6, 13] = 1.0, 1.0, 2.0
    centre, mass = centroids(image, 12, rounds=0)
    assert centre[0].tolist() == pytest.approx([(4 + 6 + 12) / 4, (10 + 10 + 26) / 4], abs=0.05)
    assert mass.item() == 4


def test_stray_pixels_far_off_do_not_count():
    image = torch.zeros(1, 40, 40)
    image[0, 8:12, 8:12] = 1.0
    wanted, _ = centroids(image, 16)
    image[0, 38, 38] = 1.0
    torch.testing.assert_close(centroids(image, 16)[0], wanted)
    assert (centroids(image, 16, rounds=0)[0] > wanted + 1).all()


def test_nothing_is_in_the_middle():
    centre, mass = centroids(torch.zeros(2, 9, 17), 4)
    assert centre.tolist() == [[4, 8], [4, 8]]
    assert mass.tolist() == [0, 0]


def test_squares_are_cut_out_and_black_beyond_the_edge():
    image = torch.arange(20.0).reshape(1, 4, 5)
    corners = torch.tensor([[1.0, 2.0]])
    assert crops(image, corners, 2)[0].tolist() == [[7, 8], [12, 13]]
    assert crops(image, torch.tensor([[-1.0, 4.0]]), 2)[0].tolist() == [[0, 0], [4, 0]]


def test_an_object_whose_place_is_known_is_drawn_there():
    appearance = torch.rand(1, 3, 3)
    layer, square = render(appearance, torch.tensor([[2.0, 1.0]]), torch.full((1, 2), 0.05), 7, 6)
    wanted = torch.zeros(7, 6)
    wanted[2:5, 1:4] = appearance[0]
    torch.testing.assert_close(layer[0], wanted)
    torch.testing.assert_close(square[0], wanted**2)


def test_an_uncertain_object_is_the_mean_of_its_drawings():
    torch.manual_seed(0)
    appearance = torch.rand(1, 3, 3)
    corner, spread = torch.tensor([[4.3, 5.2]]), torch.tensor([[1.2, 0.4]])
    mean, square = render(appearance, corner, spread, 14, 14)
    drawn = torch.zeros(2, 14, 14)
    lots = 4000
    for place in (corner + spread * torch.randn(lots, 2)).round().long().clamp(0, 11).tolist():
        layer = torch.zeros(14, 14)
        layer[place[0] : place[0] + 3, place[1] : place[1] + 3] = appearance[0]
        drawn += torch.stack([layer, layer**2]) / lots
    torch.testing.assert_close(drawn[0], mean[0], atol=0.025, rtol=0)
    torch.testing.assert_close(drawn[1], square[0], atol=0.025, rtol=0)


def test_probabilities_of_places_sum_to_one_and_have_gradients():
    corner = torch.tensor([5.0], requires_grad=True)
    matrix = placing(corner, torch.tensor([0.8]), 2, 12)
    torch.testing.assert_close(matrix.sum(1), torch.ones(1, 2))
    matrix[0, 6, 0].backward()
    assert corner.grad.item() > 0
