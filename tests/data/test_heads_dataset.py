"""Rendered heads as a data set."""

import numpy as np
import pytest
import torch

from iram import InputError, open_dataset
from iram.data.heads import SCENE_OCCLUDERS, render, self_occlusion, split_of
from iram.data.heads.renderer import _kept


@pytest.fixture(scope="module")
def heads():
    return open_dataset("heads:n=140")


def test_the_embedded_default_needs_no_location():
    assert len(open_dataset("heads")) == 2000


def test_classes_are_in_the_order_of_fer2013_and_as_frequent(heads):
    from iram.data.fer2013 import CLASSES

    assert heads.classes == CLASSES
    assert torch.bincount(heads.labels).tolist() == [20] * 7


def test_splits_are_disjoint_identities_with_every_class(heads):
    parts = {name: heads.split(name) for name in ("train", "validation", "test")}
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 98, "validation": 14, "test": 28,
    }
    people = [identity for part in parts.values() for identity in part.metadata["image_id"]]
    assert len(set(people)) == 140
    for part in parts.values():
        assert len(torch.bincount(part.labels).unique()) == 1


def test_every_split_occurs_among_few_heads():
    assert {split_of(index) for index in range(14)} == {"train", "validation", "test"}


def test_images_are_those_that_render_gives(heads):
    rows = [5, 3, 139]
    rendered = render(rows).image
    assert heads.images(rows).shape == (3, 1, 48, 48)
    torch.testing.assert_close(heads.images(rows), rendered, rtol=0, atol=0.5 / 255 + 1e-6)
    poses = heads.metadata.loc[rows, ["yaw_deg", "pitch_deg", "roll_deg"]].to_numpy()
    np.testing.assert_allclose(poses, render(rows).pose.numpy(), rtol=0, atol=1e-5)


def test_a_subset_shows_the_same_faces_whatever_was_read_before(heads):
    test = heads.split("test")
    rows = test.metadata["row"].to_numpy()[:5]
    fresh = open_dataset("heads:n=140").images_uint8(rows)
    assert (test.images_uint8(slice(0, 5)) == fresh).all()
    assert (test.images_uint8(slice(0, 5)) == fresh).all()  # and once more, from memory


def test_more_heads_leave_the_first_as_they_were(heads):
    assert (open_dataset("heads:n=150").images_uint8([7]) == heads.images_uint8([7])).all()


def test_a_head_does_not_depend_on_the_other_heads_of_a_read(heads):
    order = np.random.default_rng(0).permutation(30)
    fresh = open_dataset("heads:n=140,occluded=0.5")
    shuffled = fresh.images_uint8(order)
    again = open_dataset("heads:n=140,occluded=0.5")
    assert all((again.images_uint8([row]) == shuffled[k]).all() for k, row in enumerate(order))


def test_poses_stay_within_the_stated_ranges(heads):
    largest = heads.metadata[["yaw_deg", "pitch_deg", "roll_deg"]].abs().max()
    assert (largest <= [25, 12, 8]).all()
    assert (largest > [20, 9, 6]).all()


def test_no_head_wears_an_object_unless_asked(heads):
    assert set(heads.metadata["occluder"]) == {"none"}
    covered = open_dataset("heads:n=700,occluded=0.4").metadata["occluder"]
    assert (covered != "none").mean() == pytest.approx(0.4, abs=0.07)
    assert set(covered) == {"none", *SCENE_OCCLUDERS}


def test_an_object_changes_only_its_own_picture(heads):
    covered = open_dataset("heads:n=140,occluded=0.5")
    same = (covered.images_uint8(slice(0, 20)) == heads.images_uint8(slice(0, 20))).all((1, 2))
    assert (same == (covered.metadata["occluder"][:20] == "none").to_numpy()).all()


def test_size_and_seed_are_options_and_part_of_what_identifies_the_data():
    specs = ("heads:n=3", "heads:n=3,seed=1", "heads:n=3,size=32", "heads:n=3,occluded=1")
    opened = [open_dataset(spec) for spec in specs]
    assert len({data.sha256 for data in opened}) == 4
    assert opened[2].images([0]).shape == (1, 1, 32, 32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("n=0", "n=0"), ("n=-5", "n=-5"), ("n=1000001", "1000000"), ("seed=-1", "seed=-1"),
        ("size=20", "24 to 512"), ("occluded=1.5", "share"), ("occluded=nan", "share"),
        ("faces=3", "unknown option"), ("n=many", "whole number"),
    ],
)
def test_a_mistake_is_named(options, message):
    with pytest.raises(InputError, match=message):
        open_dataset(f"heads:{options}")


def test_only_the_last_angles_are_kept(monkeypatch):
    monkeypatch.setattr("iram.data.heads.dataset.KEPT_POSES", 3)
    heads = open_dataset("heads:n=7")
    first, _ = heads.turned([0], 10.0, 0.0)
    heads.images([0])
    for yaw in (20.0, 30.0):
        heads.turned([0], yaw, 0.0)
    assert list(heads._kept) == [None, (20.0, 0.0), (30.0, 0.0)]
    again, _ = heads.turned([0], 10.0, 0.0)
    assert torch.equal(again, first)
    assert None in heads._kept  # the heads as they are stay


def test_what_a_turn_hides_is_the_same_whether_the_head_that_looks_ahead_was_kept(monkeypatch):
    kept, anew = (open_dataset("heads:n=20,occluded=0.5") for _ in range(2))
    kept.turned([3, 1], 20, 0)
    monkeypatch.setattr("iram.data.heads.dataset.KEPT_VIEWS", 0)
    for one, other in zip(kept.turned([1, 2, 3], 40, 10), anew.turned([1, 2, 3], 40, 10),
                          strict=True):
        assert torch.equal(one, other)
    assert set(kept._views) == {1, 3}
    assert not anew._views


def test_what_a_turn_is_judged_by_keeps_within_its_memory(monkeypatch):
    heads = open_dataset("heads:n=8")
    heads.turned([0], 30, 0)
    one = sum(value.nbytes for value in vars(heads._views[0]).values())
    monkeypatch.setattr("iram.data.heads.dataset.KEPT_VIEWS", 3 * one)
    heads.turned(range(8), 30, 0)
    assert len(heads._views) == 3


def test_heads_that_were_turned_before_are_the_same_at_the_next_angle():
    def turned(indices, labels):
        return self_occlusion(indices, yaw_deg=25.0, expression=labels).image

    kept = turned([0, 1], "happy"), turned([0, 1], "happy")
    assert _kept.cache_info().hits >= 1
    _kept.cache_clear()
    assert torch.equal(kept[0], turned([0, 1], "happy"))
    assert torch.equal(kept[0], kept[1])
    for others in (([1, 0], "happy"), ([0, 1], "sad")):
        assert not torch.equal(turned(*others), kept[0])
