"""The ground truth of rendered heads: evidence, self-occlusion, and no way to cheat."""

import pytest
import torch
from torch.nn import functional as F

from iram.data.heads import (
    ACTION_UNITS,
    CLASSES,
    FACE_REGIONS,
    PROTOTYPES,
    REGION_OF_UNIT,
    REGIONS,
    evidence,
    evidence_map,
    render,
    self_occlusion,
)
from iram.data.heads.parameters import RANGES, TEXTURES, draw

CODE = {name: code for code, name in enumerate(REGIONS)}
FRONTAL = {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0}


@pytest.mark.parametrize(
    ("expression", "region"), [("happy", "mouth"), ("angry", "brows"), ("surprise", "mouth")]
)
def test_evidence_peaks_where_the_expression_is_carried(expression, region):
    shares = evidence(range(7), expression=expression, **FRONTAL)
    assert shares.shape == (7, len(REGIONS))
    assert (shares.argmax(1) == CODE[region]).all()


def test_evidence_of_disgust_is_the_nose_and_upper_lip():
    shares = evidence(range(7), expression="disgust", **FRONTAL)
    both = shares[:, CODE["nose"]] + shares[:, CODE["mouth"]]
    assert (both > 0.7 * shares.sum(1)).all()


def test_a_neutral_face_carries_little_evidence():
    neutral = evidence(range(5), expression="neutral").sum(1)
    happy = evidence(range(5), expression="happy").sum(1)
    assert (neutral < 0.35 * happy).all()


def test_the_evidence_map_adds_up_to_the_evidence():
    shares, picture = evidence(range(3)), evidence_map(range(3))
    assert picture.shape == (3, 48, 48)
    torch.testing.assert_close(picture.flatten(1).mean(1), shares.sum(1))


@pytest.mark.parametrize(("expression", "region"), [("happy", "mouth"), ("angry", "brows")])
def test_the_evidence_map_is_densest_in_that_region(expression, region):
    picture = evidence_map(range(6), expression=expression, **FRONTAL).sum(0)
    labels = render(range(6), expression=expression, **FRONTAL).region
    density = {
        name: float(picture[(labels == CODE[name]).float().mean(0) > 0.5].mean())
        for name in FACE_REGIONS
        if ((labels == CODE[name]).float().mean(0) > 0.5).any()
    }
    assert max(density, key=density.get) == region


def test_zeroing_a_region_puts_its_units_at_rest_and_no_others():
    before, after = render([2]).action_units, render([2], zeroed_region="brows").action_units
    for place, unit in enumerate(ACTION_UNITS):
        if REGION_OF_UNIT[unit] == "brows":
            assert after[0, place] == 0
        else:
            assert after[0, place] == before[0, place]


@pytest.fixture(scope="module")
def turned():
    return self_occlusion(range(21), yaw_deg=60.0)


def test_a_turn_to_the_right_hides_the_right_side_of_the_frontal_picture(turned):
    face = torch.isin(turned.frontal_region, torch.tensor([CODE[name] for name in FACE_REGIONS]))
    assert not (turned.hidden & ~face).any()
    right = turned.hidden[:, :, 26:].sum() / face[:, :, 26:].sum()
    left = turned.hidden[:, :, :22].sum() / face[:, :, :22].sum()
    assert right > 0.4
    assert left < 0.03


def test_left_and_right_turns_hide_mirror_images():
    left = self_occlusion(range(7), yaw_deg=-45.0).hidden
    right = self_occlusion(range(7), yaw_deg=45.0, mirrored=True).hidden
    assert (left != right.flip(-1)).float().mean() < 0.002


def test_more_of_the_face_is_hidden_the_further_it_turns():
    shares = [self_occlusion([4, 5], yaw_deg=yaw).hidden.float().mean() for yaw in (0, 30, 60, 90)]
    assert shares[0] < 0.001
    assert shares == sorted(shares)


def test_self_occluded_pixels_never_hold_a_visible_label(turned):
    """What the turned picture shows, traced back to the frontal one, is not marked hidden."""
    frontal = render(range(21), **FRONTAL)
    after = render(range(21), yaw_deg=60.0, pitch_deg=0.0, roll_deg=0.0)
    inside = F.max_pool2d((~turned.hidden).float()[:, None], 3, 1, 1)[:, 0] == 0
    traced = contradicted = deep = 0
    for k in range(21):
        column, row = back_to_front(frontal, after, k)
        traced += len(row)
        contradicted += int(turned.hidden[k, row, column].sum())
        deep += int(inside[k, row, column].sum())
    assert traced > 10_000
    assert contradicted < 0.002 * traced  # pixels on the border of what is hidden
    assert deep <= 1e-4 * traced


def back_to_front(frontal, after, k):
    """Where the visible face pixels of the turned picture lie in the frontal one."""
    rows, columns = torch.nonzero(~frontal.position[k, 0].isnan(), as_tuple=True)
    ones = torch.ones(len(rows), 1)
    design = torch.cat([frontal.position[k][:, rows, columns].T, ones], 1).double()
    places = torch.stack([columns, rows], 1).double() + 0.5
    camera = torch.linalg.lstsq(design, places).solution
    points = after.position[k][:, after.visible[k]].T
    points = torch.cat([points, torch.ones(len(points), 1)], 1).double()
    return (points @ camera).floor().long().clamp(0, 47).unbind(1)


def test_prototypes_name_known_classes_and_units():
    assert set(PROTOTYPES) == set(CLASSES)
    for units in PROTOTYPES.values():
        assert set(units) <= set(ACTION_UNITS)
        assert all(0 < p <= 1 and 0 < low < high <= 1 for p, low, high in units.values())


def test_nothing_but_the_action_units_gives_the_class_away():
    """A linear probe on every other parameter and on the textures is at chance."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import cross_val_score
    from sklearn.preprocessing import scale

    parameters, _, textures = draw(list(range(1400)), seed=0)
    features = [getattr(parameters, name).view(-1, 1) for name in RANGES]
    features += [F.adaptive_avg_pool2d(textures[name], 2).flatten(1) for name in TEXTURES]
    labels = [index % 7 for index in range(1400)]
    table = scale(torch.cat(features, 1).double().numpy())
    accuracy = cross_val_score(RidgeClassifier(), table, labels, cv=5).mean()
    assert abs(accuracy - 1 / 7) < 3.5 * (1 / 7 * 6 / 7 / 1400) ** 0.5
    leaky = table + 1.0 * torch.nn.functional.one_hot(torch.tensor(labels), table.shape[1]).numpy()
    assert (
        cross_val_score(RidgeClassifier(), leaky, labels, cv=5).mean() > 0.2
    )  # it would see a leak
