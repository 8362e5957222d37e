"""The suite's parts against definitions and hand-made answers."""

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.attributions import ATTRIBUTIONS, FACE_REGIONS, face_regions
from analysis.metrics import AGREEMENT, COMPLEXITY, better
from analysis.stimuli.layout import FRONTAL
from analysis.stimuli.regions import placed_regions
from analysis.studies.attribution import agreement
from analysis.studies.attribution.methods import presets, select
from analysis.studies.attribution.packing import packed, unpacked
from analysis.studies.attribution.scores import against_shapley
from analysis.studies.attribution.tables import means, ranking
from analysis.studies.attribution.truth import evidence_masks
from iram.data import open_dataset
from iram.errors import InputError


def random_maps(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("metric", ["pearson", "spearman", "top_k_iou"])
@pytest.mark.parametrize("resolution", ["image", "common"])
def test_all_pairs_at_once_are_the_metric_of_each_pair(metric, resolution):
    maps = random_maps(5, 3, 12, 12)
    maps[0, 1] = maps[0, 1].relu()  # ties
    maps[2, 0] = 1.0  # a constant map
    partner = torch.tensor([1, 0, 3, 4, -1])
    value, chance = agreement.products(maps, partner, resolution)[metric]
    shown = agreement.at_resolution(maps, resolution)
    for a, b in ((0, 1), (1, 2), (0, 2)):
        direct = AGREEMENT[metric](shown[:, a], shown[:, b])
        torch.testing.assert_close(value[:, a, b], direct, equal_nan=True)
        there = AGREEMENT[metric](shown[:4, a], shown[partner[:4], b])
        back = AGREEMENT[metric](shown[:4, b], shown[partner[:4], a])
        torch.testing.assert_close(chance[:4, a, b], (there + back) / 2, equal_nan=True)
    assert chance[4].isnan().all()  # no other face of its class


def test_a_measure_of_complexity_of_ones_own_is_neither_good_nor_bad(monkeypatch):
    assert better("deletion_auc_logit") == "lower"
    assert better("insertion_auc_logit") == "higher"
    monkeypatch.setitem(COMPLEXITY, "spread", lambda maps: maps.flatten(1).std(1))
    assert better("spread") == "none"


def test_pairs_compared_several_at_a_time_are_the_metric_of_each(monkeypatch):
    monkeypatch.setattr(agreement, "TOGETHER", 2)
    maps, partner = random_maps(6, 3, 12, 12), torch.tensor([1, 2, 0, -1, 5, 4])
    faces, pairs = np.array([0, 3, 4]), [(0, 1), (0, 2), (1, 2)]
    found = agreement.of_pairs(maps, partner, faces, pairs, "ssim", "image")
    for pair, (value, chance) in zip(pairs, found.unbind(1), strict=True):
        a, b = (maps[:, place].double() for place in pair)
        torch.testing.assert_close(value, AGREEMENT["ssim"](a[faces], b[faces]))
        torch.testing.assert_close(chance[[0, 2]], AGREEMENT["ssim"](a[[0, 4]], b[[1, 5]]))
        assert chance[1].isnan()


def test_kept_maps_are_the_maps_but_for_their_scale():
    maps = random_maps(3, 8, 8) * torch.tensor([1e-7, 1.0, 1e6])[:, None, None]
    maps[1] = 0
    rows = pd.DataFrame(packed(maps))
    kept = (
        unpacked(rows, 8).float()
        * torch.from_numpy(rows["scale"].to_numpy(copy=True))[:, None, None]
    )
    assert ((kept - maps).abs().amax((1, 2)) <= 1e-3 * maps.abs().amax((1, 2))).all()


def test_regions_lie_where_the_face_stands():
    mean = placed_regions(None, 2, 48)
    assert mean.shape == (2, 48, 48)
    assert (mean[0] == face_regions(48)).float().mean() > 0.97  # sampled from another grid
    moved = FRONTAL.clone()
    moved[0, 3] = 6 / 48  # to the right
    placed = placed_regions(torch.stack([FRONTAL, moved]), 2, 48)
    assert (placed[0] == mean[0]).float().mean() > 0.99
    mouth = placed == FACE_REGIONS.index("mouth")
    columns = [m.nonzero()[:, 1].float().mean() for m in mouth]
    assert columns[1] - columns[0] == pytest.approx(6, abs=0.3)


def test_the_first_region_and_the_ranks_are_told_from_shapley_values():
    regions = torch.arange(3).repeat(2, 3, 2).view(2, 3, 6) % 3
    shapley = torch.tensor([[3.0, 2, 1], [1, 2, 3]])
    own = shapley.gather(1, regions.flatten(1)).view(2, 3, 6)
    found = against_shapley(own, own.flip(0), regions, shapley)
    assert found["shapley_first"][0].tolist() == [1, 1]
    assert found["shapley_first"][1].tolist() == [0, 0]
    for metric in ("shapley_rank", "shapley_rank_density"):
        torch.testing.assert_close(found[metric][0], torch.ones(2).double())
        torch.testing.assert_close(found[metric][1], -torch.ones(2).double())


def test_evidence_is_known_of_heads_and_of_no_photograph():
    heads = open_dataset("heads:n=14", split=None)
    masks = evidence_masks(heads)
    neutral = heads.labels == heads.classes.index("neutral")
    assert not masks[neutral].any()
    assert (masks[~neutral].float().mean((1, 2)) < 0.101).all()  # rounded up
    assert masks[~neutral].any((1, 2)).float().mean() > 0.9


def test_methods_are_chosen_by_preset_or_name_in_the_order_of_the_registry():
    assert select("gradcam, attention") == ("attention", "gradcam")
    dear = presets()["dear"]
    assert set(dear) == {"score_cam", "occlusion", "kernel_shap", "region_shapley"}
    assert set(select("all")) == set(ATTRIBUTIONS) - {"attention_layer", "gradient_size"}
    assert set(select("cheap")) == set(select("all")) - set(dear)
    assert select("dear,attention_layer") == tuple(
        m for m in ATTRIBUTIONS if m in (*dear, "attention_layer")
    )
    assert list(presets()) == ["cheap", "dear", "all"]
    with pytest.raises(InputError, match="did you mean 'cheap'"):
        select("cheep")


def rows_of(values: dict[str, list[float]], chance: list[float]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"dataset": "d", "model": "m", "seed": 0, "method": method, "metric": "iou",
                      "image_id": [f"i{k}" for k in range(len(told))], "value": told,
                      "chance": chance[: len(told)]})
        for method, told in values.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_means_are_over_the_images_of_each_measure_and_beyond_chance_is_paired():
    rows = rows_of({"a": [1.0, 0.5, np.nan, 0.0], "b": [0.2, 0.2]}, [0.5, np.nan, 0.1, 0.1])
    table = means(rows, ["method", "metric"]).set_index("method")
    assert table.loc["a", ["n", "value", "chance"]].tolist() == [3, 0.5, pytest.approx(0.7 / 3)]
    assert table.loc["a", "beyond"] == pytest.approx((0.5 - 0.1) / 2)
    assert table.loc["b", ["n", "value", "low", "high"]].tolist() == pytest.approx(
        [2, 0.2, 0.2, 0.2]
    )


def test_the_ranking_says_how_far_each_method_is_behind_the_best_paired():
    generator = np.random.default_rng(0)
    luck = generator.normal(0, 1, 50)  # of the image, which both share
    rows = rows_of({"worse": list(luck - 0.1), "best": list(luck)}, [0.0] * 50)
    table = ranking(rows)
    assert table["method"].tolist() == ["best", "worse"]
    assert table["behind_best"].tolist() == pytest.approx([0, 0.1])
    assert table["behind_best_low"].tolist() == pytest.approx([0, 0.1])
    assert table["high"].iloc[1] > table["low"].iloc[0]  # not told apart unpaired
