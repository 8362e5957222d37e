"""Perturbation curves: by hand on linear models, against a loop, and what is shared."""

from itertools import permutations

import pytest
import torch
from torch import nn

from analysis.metrics import (
    both_orders,
    curve_scores,
    perturbation_curves,
    reference,
    removal_order,
)
from analysis.metrics.faithfulness import area
from iram.errors import InputError

SHARES = (0, 0.25, 0.5, 0.75, 1)


def linear(weights):
    """Logits 0 and the weighted sum of the pixels."""
    weights = torch.as_tensor(weights)

    def logits(images):
        score = (images[:, 0] * weights).sum((1, 2))
        return torch.stack([torch.zeros_like(score), score], 1)

    return logits


class Counted:
    """A small network that counts what it is shown."""

    def __init__(self, channels=1):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            layers = [nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2)]
            self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 3))
        self.seen, self.largest = 0, 0

    def __call__(self, images):
        self.seen += len(images)
        self.largest = max(self.largest, len(images))
        return self.net(images)


def pictures(n=5, channels=1, side=8):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, channels, side, side, generator=generator)


def some_orders(n=5, side=8, methods=3):
    generator = torch.Generator().manual_seed(2)
    maps = torch.randn(methods, n, side, side, generator=generator)
    return {f"method{i}": removal_order(m) for i, m in enumerate(maps)}


TARGET = torch.tensor([0, 1, 2, 1, 0])
BLACK = torch.zeros(5, 1, 8, 8)


def test_a_curve_by_hand():
    images = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    order = removal_order(torch.tensor([[[0.0, 3.0], [2.0, 1.0]]]))
    assert order.tolist() == [[1, 2, 3, 0]]
    black, target = torch.zeros(1, 1, 2, 2), torch.tensor([1])
    curves = perturbation_curves(
        linear(torch.ones(2, 2)), images, {"m": order}, target, black, shares=SHARES
    )
    assert curves["m"].logit.tolist() == [[10, 8, 5, 1, 0]]
    expected = torch.tensor([[10.0, 8, 5, 1, 0]]).sigmoid()
    torch.testing.assert_close(curves["m"].probability, expected)
    assert area(curves["m"].logit, curves["m"].shares).item() == pytest.approx((5 + 8 + 5 + 1) / 4)


def test_area_is_the_mean_height_over_the_shares_that_were_taken():
    shares = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)
    assert area(torch.tensor([[1.0, 3.0, 5.0]]), shares).item() == pytest.approx((0.2 + 0.8) / 0.3)
    assert area(torch.full((1, 3), 7.0), shares).item() == pytest.approx(7)


def test_no_order_beats_that_of_the_true_contributions():
    generator = torch.Generator().manual_seed(0)
    weights, image = torch.randn(2, 1, 5, generator=generator)
    every = torch.tensor(list(permutations(range(5))))
    images, target = image.expand(120, 1, 1, 5), torch.ones(120, dtype=torch.long)
    shares, black = torch.arange(6) / 5, torch.zeros(120, 1, 1, 5)

    def scores(morf):
        curves = perturbation_curves(linear(weights), images, {"morf": morf, "lerf": morf.flip(1)},
                                     target, black, shares=shares.tolist())
        return curve_scores(curves["morf"], curves["lerf"])

    best = scores(removal_order((weights * image).expand(120, 1, 5)))
    others = scores(every)
    for of in ("logit", "probability"):
        assert best[f"deletion_auc_{of}"][0].item() == pytest.approx(
            others[f"deletion_auc_{of}"].min().item()
        )
        assert best[f"insertion_auc_{of}"][0].item() == pytest.approx(
            others[f"insertion_auc_{of}"].max().item()
        )
    assert best["order_gap_logit"][0].item() == pytest.approx(
        others["order_gap_logit"].max().item()
    )
    assert others["order_gap_logit"].mean().item() == pytest.approx(0, abs=1e-6)  # of all orders


@pytest.mark.parametrize("channels", [1, 3])
def test_curves_equal_a_loop_over_images_methods_and_steps(channels):
    model, images, orders = Counted(channels), pictures(channels=channels), some_orders()
    gray = images.mean((1, 2, 3), keepdim=True).expand_as(images)
    curves = perturbation_curves(model, images, orders, TARGET, gray, shares=SHARES, batch_size=7)
    for name, order in orders.items():
        for i in range(5):
            for step, share in enumerate(SHARES):
                picture = images[i].clone().flatten(1)
                picture[:, order[i, : round(share * 64)]] = gray[i, 0, 0, 0]
                logits = model.net(picture.view(1, channels, 8, 8))[0].detach()
                assert curves[name].logit[i, step] == pytest.approx(
                    logits[TARGET[i]].item(), abs=1e-5
                )
                probability = logits.softmax(0)[TARGET[i]].item()
                assert curves[name].probability[i, step] == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_curves_do_not_depend_on_the_batch(batch_size):
    model, images = Counted(), pictures()
    whole = perturbation_curves(model, images, some_orders(), TARGET, BLACK)
    parts = perturbation_curves(model, images, some_orders(), TARGET, BLACK, batch_size=batch_size)
    assert model.largest <= 64
    for name in whole:
        torch.testing.assert_close(parts[name].logit, whole[name].logit)


def test_clean_and_removed_pictures_are_shown_once_for_all_methods():
    model, given = Counted(), (pictures(), some_orders(methods=3), TARGET, BLACK)
    perturbation_curves(model, *given, shares=SHARES)
    assert model.seen == 5 * (1 + 3 * 3 + 1)
    model.seen = 0
    curves = perturbation_curves(model, *given, shares=SHARES, clean=torch.zeros(5, 3))
    assert model.seen == 5 * (3 * 3 + 1)
    assert (curves["method0"].logit[:, 0] == 0).all()  # what was said to be known is used


@pytest.mark.parametrize("shares", [(0,), (1,), (0, 1), (0.3, 0.5), (0.001, 0.5)])
def test_shares_may_leave_out_the_ends_or_the_middle(shares):
    curves = perturbation_curves(Counted(), pictures(), some_orders(), TARGET, BLACK, shares=shares)
    whole = perturbation_curves(Counted(), pictures(), some_orders(), TARGET, BLACK,
                                shares=[0, 0.001, 0.3, 0.5, 1])
    place = [whole["method1"].shares.tolist().index(share) for share in shares]
    torch.testing.assert_close(curves["method1"].logit, whole["method1"].logit[:, place])


def test_a_fill_that_sees_the_mask_gets_what_is_removed_and_paints_nothing_else():
    masks = []

    def fill(images, mask):
        masks.append(mask)
        return images + 1000  # also where nothing is removed

    images, order = pictures(), some_orders(methods=1)
    curves = perturbation_curves(Counted(), images, order, TARGET, fill, shares=(0.25, 1))
    direct = perturbation_curves(Counted(), images, order, TARGET, images + 1000, shares=(0.25, 1))
    torch.testing.assert_close(curves["method0"].logit, direct["method0"].logit)
    assert sorted({int(m.sum()) for mask in masks for m in mask}) == [16, 64]


def test_the_lerf_order_removes_the_least_relevant_first():
    weights = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))
    images, morf = torch.ones(1, 1, 8, 8), removal_order(weights)
    curves = perturbation_curves(linear(weights), images, {"morf": morf, "lerf": morf.flip(1)},
                                 torch.tensor([1]), torch.zeros_like(images))
    scores = curve_scores(curves["morf"], curves["lerf"])
    assert (curves["lerf"].logit >= curves["morf"].logit).all()
    assert scores["order_gap_logit"].item() > 0


def test_random_orders_have_no_gap():
    n = 400
    maps = torch.randn(n, 8, 8, generator=torch.Generator().manual_seed(0))
    morf, target = removal_order(maps), torch.zeros(n, dtype=torch.long)
    orders, black = {"m": morf, "l": morf.flip(1)}, torch.zeros(n, 1, 8, 8)
    curves = perturbation_curves(Counted(), pictures(n), orders, target, black)
    gap = curve_scores(curves["m"], curves["l"])["order_gap_logit"]
    assert gap.mean().item() == pytest.approx(0, abs=4 * gap.std().item() / n**0.5)


def test_ties_are_broken_alike_in_every_map_and_not_in_the_order_of_rows():
    maps = torch.zeros(3, 8, 8)
    maps[:, 7, 7] = 1
    order = removal_order(maps)
    assert torch.equal(order[0], order[1])
    assert order[0, 0] == 63
    assert order[0, 1:16].max() > 32
    assert order[0].sort().values.tolist() == list(range(64))
    assert not torch.equal(order, removal_order(maps, seed=1))


def test_a_map_that_ranks_nothing_has_no_curve_and_costs_no_forward_pass():
    maps = torch.randn(5, 8, 8, generator=torch.Generator().manual_seed(0))
    sparse = maps.clone()
    sparse[1], sparse[3, 0, 0] = 0.5, torch.nan
    model, orders = Counted(), {"whole": removal_order(maps), "sparse": removal_order(sparse)}
    curves = perturbation_curves(model, pictures(), orders, TARGET, BLACK, shares=SHARES)
    for values in (curves["sparse"].logit, curves["sparse"].probability):
        assert values.isnan().all(1).tolist() == [False, True, False, True, False]
        assert values[[0, 2, 4]].isfinite().all()
    torch.testing.assert_close(curves["sparse"].logit[2], curves["whole"].logit[2])
    assert curves["whole"].logit.isfinite().all()
    assert model.seen == 5 * 2 + (5 + 3) * 3
    scores = curve_scores(curves["sparse"], curves["sparse"])
    assert scores["deletion_auc_logit"].isnan().tolist() == [False, True, False, True, False]


def test_curves_of_maps_none_of_which_ranks_anything_are_undefined():
    nothing = {"constant": removal_order(torch.ones(5, 8, 8))}
    curves = perturbation_curves(Counted(), pictures(), nothing, TARGET, BLACK)
    assert curves["constant"].logit.shape == (5, 11)
    assert curves["constant"].logit.isnan().all()


def test_both_orders_are_each_others_reverse():
    maps = {"gradcam": torch.randn(2, 8, 8), "constant": torch.zeros(2, 8, 8)}
    orders = both_orders(maps)
    assert set(orders) == {(name, order) for name in maps for order in ("morf", "lerf")}
    assert torch.equal(orders["gradcam", "lerf"].flip(1), orders["gradcam", "morf"])
    assert torch.equal(orders["gradcam", "morf"], removal_order(maps["gradcam"]))


@pytest.mark.parametrize("fill", ["black", "mean", "blur", "noise"])
def test_a_reference_is_the_whole_picture_filled_whatever_its_batch(fill):
    def generators():
        return [torch.Generator().manual_seed(i) for i in range(5)]

    images = pictures()
    whole = reference(images, fill, generators())
    assert whole.shape == images.shape
    assert not torch.equal(whole, images)
    alone = reference(images[4:], fill, generators()[4:])
    torch.testing.assert_close(whole[4:], alone)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shares": (0.5, 0.2)}, "rise"),
        ({"shares": (0, 1.5)}, "within 0 to 1"),
        ({"shares": ()}, "rise"),
        ({"orders": {}}, "at least one order"),
        ({"orders": {"gradcam": torch.zeros(5, 10).long()}}, r"'gradcam' has shape \(5, 10\)"),
        ({"target": torch.zeros(4).long()}, "4 targets for 5 images"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change, message):
    given = {"orders": some_orders(), "target": TARGET, "fill": BLACK, **change}
    with pytest.raises(InputError, match=message):
        perturbation_curves(Counted(), pictures(), **given)
