"""The mean face, alone and placed on faces."""

import numpy as np
import pytest
import torch
from matplotlib.path import Path

from analysis.stimuli.landmarks import USUAL_68, mean_landmarks
from analysis.stimuli.layout import (
    canvas,
    face_layout,
    fit_cameras,
    mean_layout,
    rolled,
    turned_camera,
)
from analysis.stimuli.layout.camera import FRONTAL, RIGID
from analysis.stimuli.layout.polygons import polygon_distance
from analysis.stimuli.pose import rotation_matrix


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


def landmarks_of(camera, noise=0.0, seed=0):
    """(1, 68, 2): the rigid landmarks of the mean face before a camera, the others anywhere."""
    points = np.random.default_rng(seed).uniform(0, 1, (1, 68, 2))
    face = mean_landmarks()[[USUAL_68[i] for i in RIGID]]
    points[0, list(RIGID)] = face @ camera[:, :3].T + camera[:, 3]
    return points + np.random.default_rng(seed).normal(0, noise, points.shape)


def camera_at(yaw=0.0, pitch=0.0, roll=0.0, scale=1.0, offset=(0.0, 0.0)):
    rotation = scale * rotation_matrix(yaw, pitch, roll)[:2]
    return np.concatenate([rotation, np.array(offset)[:, None]], 1)


def test_the_face_covers_over_half_of_the_picture_and_leaves_room_for_the_sham():
    share = mean_layout(48).face.float().mean().item()
    assert 0.5 < share < 0.62


def test_the_layout_scales_with_the_picture():
    small, large = mean_layout(48).face.float(), mean_layout(96).face.float()
    assert (large.mean() - small.mean()).abs() < 0.01
    assert (torch.nn.functional.avg_pool2d(large, 2) - small).abs().mean() < 0.03


def test_the_face_oval_agrees_with_its_polygon():
    exact = polygon_distance(canvas.parts()["face"] * 48, 48) == 0
    assert (mean_layout(48).face[0] == exact).float().mean() > 0.995


def test_parts_are_where_a_face_has_them():
    middle = {name: corners.mean(0) for name, corners in canvas.parts().items()}
    heights = [middle[name][1] for name in ("left_brow", "left_eye", "nose", "mouth", "chin")]
    assert heights == sorted(heights)
    for part in ("brow", "eye", "cheek"):
        assert middle[f"left_{part}"][0] < middle["nose"][0] < middle[f"right_{part}"][0]


@pytest.mark.parametrize(
    "camera",
    [camera_at(), camera_at(20, -10, 15, 0.8, (0.1, 0.05)), camera_at(-35, 12, -25, 1.2)],
    ids=["frontal", "turned", "far"],
)
def test_a_camera_is_found_from_the_landmarks_that_it_gives(camera):
    found = fit_cameras(landmarks_of(camera))[0].numpy()
    np.testing.assert_allclose(found, camera, atol=2e-3)


def test_landmarks_that_move_with_the_expression_do_not_move_the_camera():
    first, second = (fit_cameras(landmarks_of(camera_at(10), seed=seed)) for seed in (1, 2))
    torch.testing.assert_close(first, second)


def test_a_face_without_landmarks_gets_the_mean_faces_camera_and_does_not_touch_others():
    points = np.concatenate([landmarks_of(camera_at(15)), np.full((1, 68, 2), np.nan)])
    cameras = fit_cameras(points)
    assert torch.equal(cameras[1], FRONTAL)
    assert torch.equal(cameras[:1], fit_cameras(points[:1]))


def test_each_pixel_shows_the_point_that_the_camera_brings_there():
    cameras = torch.from_numpy(np.stack([camera_at(25, -10, 20, 0.9, (0.05, 0.1)), camera_at(-15)]))
    layout = face_layout(cameras.float(), 48)
    height = layout.show(canvas.height())[..., None]
    points = torch.cat([layout.places, height], -1).double()
    seen = torch.einsum("nij,nabj->nabi", cameras[:, :, :3], points) + cameras[:, None, None, :, 3]
    centres = (torch.arange(48) + 0.5) / 48
    pixels = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1)
    error = 48 * (seen - pixels).norm(dim=-1)[layout.face]
    assert error.quantile(0.99) < 0.25


def test_a_layout_does_not_depend_on_the_batch():
    cameras = torch.from_numpy(np.stack([camera_at(a) for a in (-20, 0, 5, 30)])).float()
    together = face_layout(cameras, 48)
    assert torch.equal(face_layout(cameras[3:], 48).places[0], together.places[3])


def test_a_turned_face_keeps_its_crop_and_narrows():
    frontal, turned = (face_layout(turned_camera(yaw, 0, 0)[None], 96) for yaw in (0, 40))
    assert turned.face.sum() < 0.9 * frontal.face.sum()
    for part in ("mouth", "left_eye"):  # on average eyes and mouth stay
        shown = turned.show(canvas.distance(part)) < 0.01
        assert shown.any()
    middle = turned.face[0].nonzero().float().mean(0) / 96
    assert (middle - frontal.face[0].nonzero().float().mean(0) / 96).abs().max() < 0.12


def test_a_rolled_camera_rolls_the_face_clockwise():
    layout = face_layout(rolled(FRONTAL[None], 90), 48)
    assert torch.equal(layout.face[0], mean_layout(48).face[0].rot90(-1))
