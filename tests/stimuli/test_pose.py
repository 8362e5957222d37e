"""Photographs turned in depth."""

import numpy as np
import pytest
import torch

from analysis.figures import ContactSheet
from analysis.stimuli.landmarks import mean_landmarks
from analysis.stimuli.layout import mean_layout, part_distances
from analysis.stimuli.layout.rotation import angles, fit_similarity
from analysis.stimuli.pose import REGIONS, own_pose, rotation_matrix, turn
from analysis.stimuli.pose.surface import generic_surface, sample
from iram.errors import InputError

SIZE = 48


@pytest.fixture(scope="module")
def images():
    """Four smooth pictures without any symmetry."""
    coarse = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, size=SIZE, mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def landmarks():
    """Four faces near the mean one, in pixels; the third was not found."""
    shift = np.random.default_rng(0).normal(0, 1.0, (4, 1, 3))
    faces = mean_landmarks() * [1, 1, -1] * SIZE + shift
    faces[2] = np.nan
    return faces.astype(np.float32)


def posed(yaw=0.0, pitch=0.0, roll=0.0) -> np.ndarray:
    """(468, 3) the mean face in pixels at this pose."""
    middle = np.array([0.5, 0.5, 0])
    turned = (mean_landmarks() - middle) @ rotation_matrix(yaw, pitch, roll).T + middle
    return (turned * [SIZE, SIZE, -SIZE]).astype(np.float32)


def error(a, b, mask) -> float:
    """Mean absolute difference in gray levels of 255 where the mask (S, S) is True."""
    return 255 * (a - b).abs()[..., mask].mean().item()


def test_turning_by_nothing_is_resampling_only(images, landmarks):
    for known in (None, landmarks):
        turned = turn(images, landmarks=known)
        assert error(turned.images, images, torch.ones(SIZE, SIZE, dtype=torch.bool)) < 2.1
        assert not turned.hidden.any()
        centres = torch.arange(SIZE) + 0.5
        face = mean_layout(SIZE).face[0]
        torch.testing.assert_close(
            turned.source[..., 0][:, face], centres.expand(4, SIZE, -1)[:, face], atol=1e-3, rtol=0
        )


def test_there_and_back_returns_the_visible_part_within_six_gray_levels(images):
    """From a turned picture, the pixel that a place came from is looked up in the original."""
    turned = turn(images, yaw_deg=25)
    source = turned.source[0]
    inner = (turned.region[0] >= 2) & source.isfinite().all(-1)
    back = torch.nn.functional.grid_sample(
        images, (source / SIZE * 2 - 1).nan_to_num()[None].expand(4, -1, -1, -1),
        align_corners=False, padding_mode="border",
    )
    assert inner.float().mean() > 0.3
    assert error(turned.images, back, inner) < 6


def test_left_and_right_are_mirror_images(images):
    one, other = turn(images, yaw_deg=35, roll_deg=10), turn(images.flip(3), -35, 0, -10)
    whole = torch.ones(SIZE, SIZE, dtype=torch.bool)
    assert error(one.images, other.images.flip(3), whole) < 0.3
    assert (one.hidden != other.hidden.flip(2)).float().mean() < 0.005
    assert (one.region != other.region.flip(2)).float().mean() < 0.005


def test_more_is_hidden_the_further_a_head_turns_and_on_its_far_side(images):
    hidden = [turn(images[:1], yaw_deg=angle).hidden[0] for angle in (0, 15, 30, 45, 60, 75)]
    shares = [mask.float().mean().item() for mask in hidden]
    assert shares == sorted(set(shares))
    assert 0.2 < shares[-1] / mean_layout(SIZE).face[0].float().mean() < 0.6
    for mask in hidden[2:]:  # turned to the picture's right, the right cheek goes out of sight
        assert mask[:, SIZE // 2 :].sum() > 4 * mask[:, : SIZE // 2].sum()
    near_eye = part_distances(SIZE)["left_eye"] == 0
    assert not hidden[3][near_eye].any()


def test_a_head_turned_down_hides_the_lower_rim_of_the_face_alone(images):
    down, up = (turn(images[:1], pitch_deg=angle).hidden[0] for angle in (-40, 30))
    assert down.sum() > 20
    assert down.nonzero()[:, 0].float().mean() > 0.75 * SIZE
    assert not up[SIZE // 2 :].any()


@pytest.mark.parametrize("pose", [(30, 0, 0), (-45, 0, 0), (0, 20, 0), (20, -10, 15), (0, 0, 90)])
def test_a_point_of_the_face_moves_to_where_the_rotation_says(pose, images):
    """Landmark -> R (p - pivot) + pivot; the pixel with that source lies within a pixel of it."""
    pivot = generic_surface().pivot[0].double().numpy()
    turned = turn(images[:1], *pose)
    for landmark in (1, 61, 33, 263, 291, 168):  # nose tip, mouth and eye corners, bridge
        point = mean_landmarks()[landmark].copy()
        height = sample(generic_surface().heights, torch.tensor(point[None, None, :2]).float())
        assert abs(height[0, 0, 0] - point[2]) * SIZE < 2.0  # the nose tip is smoothed most
        point[2] = height[0, 0, 0]
        x, y, _ = rotation_matrix(*pose) @ (point - pivot) + pivot
        column, row = (point[:2] * SIZE).astype(int)
        if turned.hidden[0, row - 1 : row + 2, column - 1 : column + 2].any():
            continue
        away = (turned.source[0] / SIZE - torch.tensor(point[:2])).norm(dim=-1)
        row, column = divmod(int(away.nan_to_num(torch.inf).argmin()), SIZE)
        assert max(abs(column + 0.5 - x * SIZE), abs(row + 0.5 - y * SIZE)) < 1.0, landmark


def test_a_dot_on_the_cheek_moves_to_where_the_rotation_says():
    """Drawn and found by its brightness: independent of the returned source."""
    pivot, place = generic_surface().pivot[0].numpy(), 50  # a landmark on the cheek
    point = mean_landmarks()[place]
    picture = torch.zeros(1, 1, SIZE, SIZE)
    row, column = int(point[1] * SIZE), int(point[0] * SIZE)
    picture[0, 0, row, column] = 1
    height = point[2]
    centre = np.array([(column + 0.5) / SIZE, (row + 0.5) / SIZE, height])
    for yaw in (-30, 20, 40):
        turned = turn(picture, yaw_deg=yaw).images[0, 0].numpy()
        y, x = np.mgrid[:SIZE, :SIZE] + 0.5
        found = np.array([(x * turned).sum(), (y * turned).sum()]) / turned.sum()
        expected = (rotation_matrix(yaw, 0, 0) @ (centre - pivot) + pivot)[:2] * SIZE
        assert np.abs(found - expected).max() < 1.0, yaw


def test_roll_keeps_the_face_and_turns_it_clockwise(images):
    """A quarter turn about the pivot, which lies at the middle of the picture after a shift."""
    turned = turn(images, roll_deg=90)
    pivot = generic_surface().pivot[0, :2] * SIZE
    row, column = 30, 20
    x, y = column + 0.5 - pivot[0], row + 0.5 - pivot[1]
    source = turned.source[0, row, column]
    torch.testing.assert_close(source, torch.stack([y, -x]) + pivot, atol=0.05, rtol=0)


def test_the_regions_of_a_turned_face_are_where_its_parts_are(images):
    frontal, turned = turn(images[:1]).region[0], turn(images[:1], yaw_deg=45).region[0]
    for name in ("forehead", "cheeks", "chin", "brows", "eyes", "nose", "mouth"):
        label = REGIONS.index(name)
        assert (frontal == label).sum() > 10, name
        assert (turned == label).sum() > 0, name
    columns = torch.arange(SIZE).expand(SIZE, SIZE).float()
    nose, head = REGIONS.index("nose"), REGIONS.index("head")
    assert columns[turned == nose].mean() > columns[frontal == nose].mean() + 1
    assert columns[turned == head].mean() < SIZE / 2  # turned right, the left side shows
    assert (turned == REGIONS.index("background")).sum() > (frontal == 0).sum()


def test_a_picture_is_the_same_whatever_else_is_in_the_batch(images, landmarks):
    pose = (35.0, 10.0, 5.0)
    whole = turn(images, *pose, landmarks=landmarks)
    backwards = turn(images.flip(0), *pose, landmarks=landmarks[::-1])
    for i in range(len(images)):
        alone = turn(images[i : i + 1], *pose, landmarks=landmarks[i : i + 1])
        for one, many, turned_round in zip(alone, whole, backwards, strict=True):
            assert torch.equal(one[0].nan_to_num(-1), many[i].nan_to_num(-1))
            assert torch.equal(one[0].nan_to_num(-1), turned_round[3 - i].nan_to_num(-1))


def test_a_face_without_landmarks_is_turned_as_the_mean_face_and_counted(images, landmarks):
    turned = turn(images, yaw_deg=30, landmarks=landmarks)
    assert turned.generic.tolist() == [False, False, True, False]
    assert turned.without_landmarks == 1
    assert torch.equal(turned.images[2], turn(images, yaw_deg=30).images[2])
    assert not torch.equal(turned.images[1], turn(images, yaw_deg=30).images[1])
    assert turn(images, yaw_deg=30).without_landmarks == len(images)


def test_no_pictures_give_none(landmarks):
    turned = turn(torch.zeros(0, 1, SIZE, SIZE), 30, landmarks=landmarks[:0])
    assert turned.images.shape == (0, 1, SIZE, SIZE)
    assert turned.hidden.shape == turned.region.shape == (0, SIZE, SIZE)


@pytest.mark.parametrize(
    ("angle", "limit"),
    [({"yaw_deg": 80}, "-75 to 75"), ({"pitch_deg": -41}, "-40 to 40"),
     ({"roll_deg": 181}, "-180 to 180"), ({"yaw_deg": float("nan")}, "-75 to 75")],
)
def test_an_angle_beyond_the_range_is_refused_with_the_range(angle, limit, images):
    with pytest.raises(InputError, match=limit):
        turn(images, **angle)


def test_pictures_and_landmarks_of_other_shapes_are_refused(images, landmarks):
    with pytest.raises(InputError, match=r"\(N, 1, S, S\)"):
        turn(images[:, 0], 10)
    with pytest.raises(InputError, match="at least 24 px"):
        turn(images[..., :20, :20], 10)
    with pytest.raises(InputError, match=r"\(4, 468, 3\)"):
        turn(images, 10, landmarks=landmarks[:3])


def test_angles_are_those_that_the_matrix_was_made_of():
    for pose in [(0, 0, 0), (30, 10, -20), (-70, -35, 170)]:
        assert angles(rotation_matrix(*pose)) == pytest.approx(pose)


def test_positive_angles_turn_to_the_right_up_and_clockwise():
    forward, right = np.array([0, 0, 1.0]), np.array([1.0, 0, 0])
    assert (rotation_matrix(20, 0, 0) @ forward)[0] > 0.3
    assert (rotation_matrix(0, 20, 0) @ forward)[1] < -0.3  # up is against y
    assert (rotation_matrix(0, 0, 20) @ right)[1] > 0.3


def test_a_similarity_is_recovered():
    rotation = rotation_matrix(20, -10, 30)
    points = 1.7 * mean_landmarks() @ rotation.T + [0.1, -0.2, 0.3]
    fit = fit_similarity(mean_landmarks(), points)
    assert fit.scale == pytest.approx(1.7)
    np.testing.assert_allclose(fit.rotation, rotation, atol=1e-9)
    np.testing.assert_allclose(fit.forward(fit.backward(points)), points, atol=1e-9)


def test_the_own_pose_of_a_face_is_read_from_its_landmarks():
    poses = [(0, 0, 0), (25, 0, 0), (-12, 8, 5)]
    faces = np.stack([posed(*pose) for pose in poses] + [np.full((468, 3), np.nan)])
    own = own_pose(faces)
    np.testing.assert_allclose(own[:3], poses, atol=0.05)
    assert np.isnan(own[3]).all()


def test_a_contact_sheet_has_a_row_per_face_and_a_column_per_pose(images):
    faces = {f"{yaw}°": turn(images[:2], yaw).images[:, 0].numpy() for yaw in (-30, 0, 30)}
    sheet = ContactSheet(faces, names=("a", "b")).plot()
    assert len(sheet.axes_) == 6
    assert [axis.get_title() for axis in sheet.axes_[:3]] == list(faces)
    assert sheet.axes_[3].get_ylabel() == "b"
    shown = sheet.axes_[5].images[0].get_array()
    np.testing.assert_array_equal(shown, faces["30°"][1])
    with pytest.raises(InputError, match="same n"):
        ContactSheet({"0°": faces["0°"], "30°": faces["30°"][:1]}).plot()
