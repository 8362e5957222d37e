"""Rendered heads: poses, labels, objects and pixels from one scene."""

import numpy as np
import pytest
import torch

from iram import InputError, open_dataset
from iram.data.heads import (
    ACTION_UNITS,
    CLASSES,
    FACE_REGIONS,
    REGIONS,
    SCENE_OCCLUDERS,
    evidence,
    evidence_map,
    render,
    self_occlusion,
)
from iram.threads import threads

CODE = {name: code for code, name in enumerate(REGIONS)}
FRONTAL = {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0}


@pytest.fixture(scope="module")
def frontal():
    return render(range(70), **FRONTAL)


def angles(points, pixels):
    """Yaw, pitch and roll from points of the head and their places in the picture (affine fit)."""
    design = torch.cat([points, torch.ones(len(points), 1)], 1).double()
    columns = torch.linalg.lstsq(design, pixels.double()).solution[:3].T
    first, second = (row / row.norm() for row in (columns[0], -columns[1]))
    third = torch.linalg.cross(first, second)
    yaw = torch.asin(-third[0])
    pitch = torch.atan2(-third[1], third[2])
    roll = torch.atan2(-second[0], first[0])
    return torch.rad2deg(torch.stack([yaw, pitch, roll]))


def slope(asked, measured):
    asked, measured = asked - asked.mean(), measured - measured.mean()
    return float((asked * measured).sum() / (asked * asked).sum())


def inner(mask):
    """The mask without its outermost pixels, whose gray values may mix two things."""
    return -torch.nn.functional.max_pool2d(-mask.float()[:, None], 3, 1, 1)[:, 0] > 0


def pixels_of(heads, place):
    """Head coordinates and picture coordinates of every pixel on the head."""
    rows, columns = torch.nonzero(~heads.position[place, 0].isnan(), as_tuple=True)
    points = heads.position[place][:, rows, columns].T
    return points, torch.stack([columns, rows], 1) + 0.5


@pytest.mark.parametrize(("axis", "largest"), [("yaw", 60), ("pitch", 40), ("roll", 60)])
def test_the_rendered_angle_is_the_one_asked_for(axis, largest):
    asked = torch.linspace(-largest, largest, 7).double()
    heads = render([5] * 7, **(FRONTAL | {f"{axis}_deg": asked.tolist()}))
    place = ("yaw", "pitch", "roll").index(axis)
    from_landmarks = [angles(heads.landmarks_3d[k], heads.landmarks[k])[place] for k in range(7)]
    from_pixels = [angles(*pixels_of(heads, k))[place] for k in range(7)]
    assert slope(asked, torch.stack(from_landmarks)) == pytest.approx(1, abs=0.01)
    assert slope(asked, torch.stack(from_pixels)) == pytest.approx(1, abs=0.01)


def test_positive_angles_turn_right_up_and_clockwise():
    tip, corner_left, corner_right = 30, 36, 45

    def shift(**angle):
        points = render([0], **(FRONTAL | angle)).landmarks[0]
        eyes = (points[corner_left] + points[corner_right]) / 2
        return points[tip] - eyes, points[corner_right] - points[corner_left]

    nose, eye_line = shift()
    assert shift(yaw_deg=30)[0][0] > nose[0] + 1  # columns grow to the right
    assert shift(pitch_deg=30)[0][1] < nose[1] - 1  # rows grow downwards
    assert shift(roll_deg=30)[1][1] > eye_line[1] + 1  # the right end of the eye line sinks


def test_a_head_turned_left_is_the_mirror_image_of_its_mirrored_self_turned_right():
    left = render(range(4), yaw_deg=-40.0, pitch_deg=10.0, roll_deg=5.0)
    right = render(range(4), yaw_deg=40.0, pitch_deg=10.0, roll_deg=-5.0, mirrored=True)
    apart = (right.image.flip(-1) - left.image).abs() > 1e-3
    assert apart.float().mean() < 2e-3  # a vertex on the border of two pixels may fall either way


def test_every_label_occurs_on_every_frontal_face(frontal):
    for name in REGIONS:
        occurs = (frontal.region == CODE[name]).flatten(1).any(1)
        if name in ("ears", "neck"):  # hair may cover ears, and the picture may end at the chin
            assert occurs.any(), name
        elif name != "occluder":
            assert occurs.all(), name


def test_labels_pixels_and_depth_end_at_the_same_silhouette(frontal):
    turned = render(range(14), yaw_deg=55.0, occluder="hand")
    for heads in (frontal, turned):
        background = heads.region == CODE["background"]
        assert torch.equal(background, heads.depth.isnan())
        on_head = ~background & (heads.region != CODE["occluder"])
        assert torch.equal(on_head, ~heads.position[:, 0].isnan())
    names = torch.tensor([CODE[name] for name in FACE_REGIONS])
    assert torch.equal(frontal.visible, torch.isin(frontal.region, names))


def test_the_background_does_not_show_the_expression(frontal):
    other = render(range(14), **FRONTAL, expression="surprise")
    both = (frontal.region[:14] == CODE["background"]) & (other.region == CODE["background"])
    inside = inner(both)
    assert inside.float().mean() > 0.1
    assert torch.equal(frontal.image[:14, 0][inside], other.image[:, 0][inside])


def test_landmarks_lie_on_what_they_name(frontal):
    for landmark, name in ((30, "nose"), (33, "nose"), (51, "mouth"), (57, "mouth"), (19, "brows")):
        column, row = frontal.landmarks[:, landmark].long().unbind(1)
        found = frontal.region[torch.arange(70), row, column]
        assert (found == CODE[name]).float().mean() > 0.85, (landmark, name)
    assert frontal.landmark_visible[:, 17:].float().mean() > 0.97


def test_a_turn_hides_the_landmarks_of_the_far_side():
    seen = render(range(14), yaw_deg=60.0).landmark_visible.float().mean(0)
    far_eye, near_eye, far_jaw, near_jaw = seen[45], seen[36], seen[11:14].mean(), seen[2:5].mean()
    assert near_eye > 0.9
    assert far_eye < 0.5
    assert far_jaw < 0.1 < near_jaw


@pytest.mark.parametrize("size", [1, 3, 8, 9])
def test_a_head_is_the_same_bit_for_bit_in_every_batch(size):
    indices = [3, 11, 0, 7, 29, 12, 4, 1, 6, 10]
    together = render(indices)
    parts = [render(indices[k : k + size]) for k in range(0, len(indices), size)]
    for name in ("image", "region", "landmarks", "action_units"):
        assert torch.equal(torch.cat([getattr(p, name) for p in parts]), getattr(together, name))


@pytest.mark.parametrize("function", [render, evidence, evidence_map, self_occlusion])
def test_a_head_is_the_same_bit_for_bit_with_any_number_of_threads(function):
    def found(count):
        with threads(count):
            made = function([0, 1, 2, 3], size=96)
            assert torch.get_num_threads() == count
        return [made] if isinstance(made, torch.Tensor) else vars(made).values()

    for one, two in zip(found(1), found(2), strict=True):
        assert torch.equal(one.nan_to_num(9.0), two.nan_to_num(9.0))


def test_a_face_of_a_data_set_is_the_same_with_any_number_of_threads():
    """Two threads that rendered would put a pixel of this head on another step of 1 / 255."""
    def face(count):
        with threads(count):
            dataset = open_dataset("heads:n=28,size=96")
            return dataset.images_uint8([27]), dataset.landmarks_68([27])

    for one, two in zip(face(1), face(2), strict=True):
        assert np.array_equal(one, two)


def test_a_mistake_in_what_is_asked_leaves_the_threads_as_they_were():
    with threads(2):
        with pytest.raises(InputError, match="size"):
            render([0], size=3)
        assert torch.get_num_threads() == 2


def test_seed_and_index_make_the_head():
    heads = render([0, 7, 0]).image
    assert torch.equal(heads[0], heads[2])
    assert not torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[:1], render([0], seed=1).image)


@pytest.mark.parametrize(
    "change",
    [
        {"yaw_deg": 33.0}, {"pitch_deg": 20.0}, {"roll_deg": 20.0}, {"occluder": "cap"},
        {"expression": "fear"}, {"zeroed_region": "mouth"}, {"mirrored": True},
    ],
)
def test_each_option_changes_the_picture(change):
    assert not torch.equal(render([3], **change).image, render([3]).image)


def test_the_same_person_shows_another_expression():
    heads = render([1] * 7, expression=CLASSES, **FRONTAL)
    assert heads.expression.tolist() == list(range(7))
    smile = heads.action_units[:, ACTION_UNITS.index("AU12")]
    assert smile.argmax() == CLASSES.index("happy")
    hair = inner((heads.region == CODE["hair"]).all(0)[None])[0]
    assert hair.any()
    torch.testing.assert_close(heads.image[1:, 0, hair], heads.image[:1, 0, hair].expand(6, -1))


@pytest.mark.parametrize(
    ("name", "covered", "least"),
    [
        ("glasses", "eyes", 0.8), ("mask", "mouth", 0.8), ("scarf", "mouth", 0.8),
        ("hand", "mouth", 0.4), ("cap", "hair", 0.3),  # long hair shows below a cap
    ],
)
def test_an_object_hides_what_it_is_worn_on(name, covered, least, frontal):
    heads = render(range(14), occluder=name, **FRONTAL)
    part = frontal.region[:14] == CODE[covered]
    share = (heads.occlusion_mask & part).sum() / part.sum()
    assert share > least
    assert not (heads.occlusion_mask & heads.visible).any()
    free = ~torch.nn.functional.max_pool2d(heads.occlusion_mask.float()[:, None], 3, 1, 1).bool()
    assert torch.equal(heads.image[free], frontal.image[:14][free])
    assert (heads.occluder == 1 + list(SCENE_OCCLUDERS).index(name)).all()


def test_without_an_object_nothing_is_occluded(frontal):
    assert not frontal.occlusion_mask.any()
    assert not frontal.occluder.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"indices": [-1]}, "index=-1"),
        ({"indices": []}, "no head"),
        ({"indices": [0.5]}, "index=0.5"),
        ({"seed": -1}, "seed=-1"),
        ({"size": 23}, "size=23"),
        ({"size": 513}, "24 to 512"),
        ({"yaw_deg": 91.0}, "-90 to 90"),
        ({"pitch_deg": [0.0, 50.0], "indices": [0, 1]}, "pitch_deg=50"),
        ({"roll_deg": float("nan")}, "roll_deg=nan"),
        ({"yaw_deg": [1.0, 2.0, 3.0]}, r"\(3,\)"),
        ({"yaw_deg": "left"}, "yaw_deg=left"),
        ({"occluder": "hat"}, "cap"),
        ({"expression": "hapy"}, "did you mean 'happy'"),
        ({"expression": ["happy", "sad"]}, "2 names"),
        ({"zeroed_region": "hair"}, "region 'hair'"),
    ],
)
def test_a_mistake_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        render(**({"indices": [0]} | arguments))
