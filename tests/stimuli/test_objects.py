"""Every drawn object keeps the contract, and covers what such an object covers."""

import pytest
import torch

from analysis.stimuli.layout import part_distances
from analysis.stimuli.occluders.objects import OBJECTS, SIDE, covered, covered_fraction, sketch
from iram.errors import InputError

SIZE = 96
EYES = ("left_eye", "right_eye")
# Share of the mean face at natural size: least and most over the variants.
NATURAL = {
    "sunglasses": (0.12, 0.26),
    "spectacles": (0.03, 0.08),
    "surgical_mask": (0.35, 0.50),
    "hand": (0.15, 0.35),
    "scarf": (0.25, 0.45),
    "hair": (0.15, 0.35),
    "microphone": (0.05, 0.15),
    "cup": (0.08, 0.20),
    "vr_headset": (0.30, 0.45),
}
SIDED = {"hand": (0, 1), "hair": (1, 2), "microphone": (0, 1), "cup": (0, 1)}


def share_of(part, name, scale=1.0):
    """(V,) share of a part of the mean face that each variant covers."""
    inside = part_distances(SIZE)[part] == 0
    return covered(sketch(name), SIZE, scale)[:, inside].float().mean(1)


def test_the_nine_objects_are_there():
    assert set(NATURAL) <= set(OBJECTS)


@pytest.mark.parametrize("name", OBJECTS)
def test_alpha_and_shade_are_pictures_in_range(name):
    drawn = sketch(name)
    assert 2 <= len(drawn.alpha) <= 6
    for picture in (drawn.alpha, drawn.shade):
        assert picture.shape == (len(drawn.alpha), SIDE, SIDE)
        assert picture.dtype == torch.float32
        assert picture.min() >= 0
        assert picture.max() <= 1
    assert drawn.smallest < 1 < drawn.largest
    assert all(0 <= (c + 0.5) / 2 <= 1 for c in drawn.anchor)


@pytest.mark.parametrize("name", OBJECTS)
def test_drawing_twice_gives_the_same_bits_and_leaves_the_global_generator_alone(name):
    state = torch.get_rng_state()
    again = OBJECTS[name]()
    assert torch.equal(again.alpha, sketch(name).alpha)
    assert torch.equal(again.shade, sketch(name).shade)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", OBJECTS)
def test_variants_differ(name):
    drawn = sketch(name)
    look = drawn.alpha * drawn.shade
    for one in range(len(look)):
        for other in range(one):
            assert (look[one] - look[other]).abs().mean() > 0.002


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_shaded_not_flat(name):
    drawn = sketch(name)
    for alpha, shade in zip(drawn.alpha, drawn.shade, strict=True):
        assert shade[alpha > 0.5].std() > 0.02


@pytest.mark.parametrize("name", OBJECTS)
def test_edges_are_antialiased(name):
    alpha = sketch(name).alpha
    assert ((alpha > 0.1) & (alpha < 0.9)).flatten(1).sum(1).min() > 100


@pytest.mark.parametrize("name", NATURAL)
def test_the_natural_share_of_the_face_is_plausible(name):
    least, most = NATURAL[name]
    share = covered_fraction(sketch(name))
    assert share.min() >= least
    assert share.max() <= most


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_covers_more_the_larger_it_is(name):
    drawn = sketch(name)
    scales = (drawn.smallest, 1.0, drawn.largest)
    smallest, natural, largest = (covered_fraction(drawn, scale) for scale in scales)
    assert (smallest < natural).all()
    assert (natural < largest).all()


@pytest.mark.parametrize("name", OBJECTS)
def test_at_the_asked_scales_the_object_still_lies_on_the_face(name):
    drawn = sketch(name)
    for scale in (drawn.smallest, drawn.largest):
        assert covered_fraction(drawn, scale).min() > 0.03


@pytest.mark.parametrize("scale", ["smallest", "natural", "largest"])
def test_sunglasses_cover_both_eyes_and_never_the_mouth(scale):
    size = getattr(sketch("sunglasses"), scale, 1.0)
    for eye in EYES:
        assert share_of(eye, "sunglasses", size).min() >= 0.9
    assert share_of("mouth", "sunglasses", size).max() == 0


def test_spectacles_leave_the_eyes_to_be_seen():
    for eye in EYES:
        assert share_of(eye, "spectacles").max() <= 0.1
    assert share_of("mouth", "spectacles").max() == 0
    lens = sketch("spectacles").alpha[:, 112:117, 100:110]  # on the left eye
    assert lens.mean() > 0.02  # but the glass is there


@pytest.mark.parametrize("scale", ["smallest", "natural", "largest"])
def test_masks_cover_the_mouth_and_leave_the_eyes(scale):
    size = getattr(sketch("surgical_mask"), scale, 1.0)
    assert share_of("mouth", "surgical_mask", size).min() == 1
    for eye in EYES:
        assert share_of(eye, "surgical_mask", size).max() == 0


def test_headsets_cover_eyes_and_brows_but_no_mouth():
    for part in (*EYES, "left_brow", "right_brow"):
        assert share_of(part, "vr_headset").min() >= 0.95
    assert share_of("mouth", "vr_headset").max() == 0


def test_scarves_cover_the_mouth_and_leave_the_eyes():
    assert share_of("mouth", "scarf").min() >= 0.95
    for eye in EYES:
        assert share_of(eye, "scarf").max() == 0


@pytest.mark.parametrize(("name", "least", "most"), [("microphone", 0.25, 0.75), ("cup", 0.9, 1)])
def test_what_is_held_covers_the_mouth_or_part_of_it_and_no_eye(name, least, most):
    share = share_of("mouth", name)
    assert share.min() >= least
    assert share.max() <= most
    for eye in EYES:
        assert share_of(eye, name).max() == 0


def test_hands_cover_the_mouth_or_one_eye():
    mouth = share_of("mouth", "hand")
    left, right = (share_of(eye, "hand") for eye in EYES)
    assert mouth[:2].min() >= 0.95
    assert left[2] >= 0.95
    assert right[3] >= 0.95
    assert mouth[4] >= 0.5
    assert torch.stack([left[[0, 1, 3, 4]], right[[0, 1, 2, 4]]]).max() == 0


def test_hair_covers_the_brows_or_one_eye_and_no_mouth():
    brows = torch.stack([share_of(brow, "hair") for brow in ("left_brow", "right_brow")])
    left, right = (share_of(eye, "hair") for eye in EYES)
    assert brows[:, 0].min() >= 0.9
    assert left[1] >= 0.95
    assert right[2] >= 0.95
    assert torch.stack([left[2], right[1]]).max() == 0
    assert share_of("mouth", "hair").max() == 0


@pytest.mark.parametrize("name", SIDED)
def test_left_and_right_variants_mirror_each_other_but_not_their_light(name):
    drawn, (one, other) = sketch(name), SIDED[name]
    there = covered(drawn, SIZE)
    overlap = (there[one] & there[other].flip(1)).sum() / (there[one] | there[other].flip(1)).sum()
    assert overlap > 0.7
    both = (drawn.alpha[one] > 0.9) & (drawn.alpha[other].flip(1) > 0.9)
    difference = drawn.shade[one] - drawn.shade[other].flip(1)
    assert difference[both].std() > 0.01


def test_only_the_hand_takes_its_gray_from_the_face():
    assert [name for name in OBJECTS if sketch(name).skin] == ["hand"]


def test_an_unknown_object_is_the_users_mistake():
    with pytest.raises(InputError, match=r"unknown object 'sunglases'.*did you mean 'sunglasses'"):
        sketch("sunglases")
