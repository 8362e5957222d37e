"""The mean face."""

import numpy as np
import pytest
import torch
from matplotlib.path import Path

from analysis.layout import mean_layout, polygon_distance


def test_the_distance_to_a_square_is_zero_inside_and_euclidean_outside():
    square = np.array([[2.0, 2.0], [6.0, 2.0], [6.0, 6.0], [2.0, 6.0]])
    distance = polygon_distance(square, 8)
    assert distance[3, 3] == 0
    assert distance[3, 7] == pytest.approx(1.5)  # centre (7.5, 3.5), edge at x = 6
    assert distance[0, 0] == pytest.approx(1.5 * 2**0.5)  # centre (0.5, 0.5), corner (2, 2)


def test_inside_agrees_with_matplotlib_on_random_polygons():
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:20, :20] + 0.5
    centres = np.stack([x.ravel(), y.ravel()], 1)
    for _ in range(20):
        corners = generator.uniform(0, 20, (6, 2))
        ours = (polygon_distance(corners, 20) == 0).numpy().ravel()
        assert (ours == Path(corners).contains_points(centres)).mean() > 0.99


def test_the_face_covers_over_half_of_the_picture_and_leaves_room_for_the_sham():
    share = mean_layout(48).face.float().mean().item()
    assert 0.5 < share < 0.62


def test_the_layout_scales_with_the_picture():
    small, large = mean_layout(48), mean_layout(96)
    assert (large.face.float().mean() - small.face.float().mean()).abs() < 0.01
    halved = torch.nn.functional.avg_pool2d(large.distance["mouth"][None], 2)[0] / 2
    torch.testing.assert_close(halved, small.distance["mouth"], atol=0.6, rtol=0)


def test_parts_are_where_a_face_has_them():
    distance = mean_layout(48).distance
    middle = {name: (d == 0).nonzero().float().mean(0) for name, d in distance.items()}
    assert middle["left_brow"][0] < middle["left_eye"][0] < middle["nose"][0] < middle["mouth"][0]
    assert middle["left_eye"][1] < middle["nose"][1] < middle["right_eye"][1]
