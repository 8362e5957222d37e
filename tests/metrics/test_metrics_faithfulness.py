"""Infidelity and sensitivity against Captum and closed forms; regions against exact values."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from analysis.metrics import infidelity, max_sensitivity, noise, region_rank_correlation, squares
from analysis.metrics.faithfulness import region_relevance
from iram.errors import InputError

N, SIDE, SAMPLES = 4, 6, 8


@pytest.fixture(scope="module")
def captum():
    return pytest.importorskip("captum.metrics", reason="Captum is the oracle of these tests")


TARGET = torch.tensor([0, 2, 1, 2])


def network(channels=1):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(channels, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * (SIDE - 2) ** 2, 3)
        )


def pictures(channels=1):
    return torch.rand(N, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def random_maps(n=N, side=SIDE, seed=0):
    return torch.randn(n, side, side, generator=torch.Generator().manual_seed(seed))


def generators(n=N):
    return [torch.Generator().manual_seed(100 + i) for i in range(n)]


def gradient(model):
    def attribute(images, target):
        images = images.detach().requires_grad_()
        model(images).gather(1, target[:, None]).sum().backward()
        return images.grad.sum(1)

    return attribute


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("draw", [noise(0.2), squares(0.5)])
def test_infidelity_is_captums(captum, draw, scaled):
    model, images, maps = network(), pictures(), random_maps()
    ours = infidelity(model, images, {"m": maps}, TARGET, draw, generators(), samples=SAMPLES,
                      scaled=scaled, batch_size=3)["m"]
    drawn = [draw(x, SAMPLES, g) for x, g in zip(images, generators(), strict=True)]

    def perturb(inputs):  # Captum asks for the draws of all images, image by image
        perturbation = torch.cat(drawn)
        return perturbation, inputs - perturbation

    theirs = captum.infidelity(model, perturb, images, maps[:, None], target=TARGET,
                               n_perturb_samples=SAMPLES, normalize=scaled)
    torch.testing.assert_close(ours, theirs.detach().double(), rtol=1e-4, atol=1e-6)


def test_infidelity_of_a_linear_models_weights_is_0_and_of_no_map_the_mean_square_change():
    weights = random_maps(1)[0]

    def model(images):
        return torch.stack([(images[:, 0] * weights).sum((1, 2))] * 3, 1)

    maps = {"weights": weights.expand(N, -1, -1), "tripled": 3 * weights.expand(N, -1, -1),
            "none": torch.zeros(N, SIDE, SIDE)}
    given = (pictures(), maps, TARGET, noise(0.5))
    plain = infidelity(model, *given, generators(), samples=4000, scaled=False)
    scaled = infidelity(model, *given, generators(), samples=4000)
    change = 0.25 * weights.square().sum().item()  # the variance of weighted noise
    assert plain["weights"].tolist() == pytest.approx([0] * N, abs=1e-9)
    assert plain["none"].tolist() == pytest.approx([change] * N, rel=0.15)
    assert plain["tripled"].tolist() == pytest.approx([4 * change] * N, rel=0.15)
    assert scaled["tripled"].tolist() == pytest.approx([0] * N, abs=1e-9)
    assert torch.equal(scaled["none"], plain["none"])


def test_infidelity_of_three_equal_channels_is_that_of_the_summed_gradient():
    def model(images):
        return images.flatten(1).sum(1, keepdim=True).expand(-1, 3)

    maps = {"summed gradient": torch.full((N, SIDE, SIDE), 3.0)}
    gray = pictures().expand(-1, 3, -1, -1)
    value = infidelity(model, gray, maps, TARGET, squares(), generators(), samples=20, scaled=False)
    assert value["summed gradient"].tolist() == pytest.approx([0] * N, abs=1e-9)


def test_infidelity_shows_the_perturbed_pictures_once_for_all_methods():
    model, seen = network(), []

    def counting(images):
        seen.append(len(images))
        return model(images)

    maps = {f"method{i}": random_maps(seed=i) for i in range(5)}
    infidelity(counting, pictures(), maps, TARGET, noise(), generators(), samples=10, batch_size=8)
    assert sum(seen) == N + N * 10
    assert max(seen) <= 8


def test_infidelity_is_undefined_where_a_map_is_not_finite_and_there_alone():
    maps = random_maps()
    maps[2, 0, 0] = torch.nan
    value = infidelity(network(), pictures(), {"m": maps}, TARGET, noise(), generators())["m"]
    assert value.isnan().tolist() == [False, False, True, False]


def test_infidelity_does_not_depend_on_the_other_images():
    model, images, maps = network(), pictures(), random_maps()
    whole = infidelity(model, images, {"m": maps}, TARGET, squares(), generators())["m"]
    alone = infidelity(model, images[3:], {"m": maps[3:]}, TARGET[3:], squares(), generators()[3:])
    torch.testing.assert_close(whole[3:], alone["m"])


def test_a_square_takes_the_picture_away_where_it_lies_and_nowhere_else():
    image = pictures(channels=3)[0] + 1
    for after in (None, 0.2):
        taken = squares(0.5, after)(image, 50, torch.Generator().manual_seed(0))
        gray = image.mean() if after is None else torch.tensor(after)
        left = image - taken
        covered = (left - gray).abs() < 1e-6
        assert (covered.sum((1, 2, 3)) == 3 * 9).all()
        torch.testing.assert_close(left[~covered], image.expand_as(left)[~covered])
    assert taken[:, 0].ne(0).any(0).all()  # every place is covered at some time


def test_max_sensitivity_is_captums_for_the_same_noise(captum):
    model, images = network(), pictures()
    attribute = gradient(model)
    ours = max_sensitivity(attribute, images, attribute(images, TARGET), TARGET, generators(),
                           radius=0.1, samples=SAMPLES, batch_size=2 * SAMPLES)
    noise_ = [torch.rand(SAMPLES, *x.shape, generator=g) * 2 - 1
              for x, g in zip(images, generators(), strict=True)]
    near = torch.cat([x + 0.1 * n for x, n in zip(images, noise_, strict=True)])

    def explain(inputs, target):  # Captum gives a tuple first, then a tensor, without gradients
        inputs = inputs[0] if isinstance(inputs, tuple) else inputs
        with torch.enable_grad():
            return (attribute(inputs, target)[:, None],)

    theirs = captum.sensitivity_max(explain, images, perturb_func=lambda inputs: near,
                             n_perturb_samples=SAMPLES, target=TARGET)
    torch.testing.assert_close(ours, theirs.double(), rtol=1e-4, atol=1e-6)


def test_a_map_that_ignores_the_picture_is_not_sensitive():
    maps = random_maps()
    same = {"value": maps[0]}

    def constant(images, target):
        return same["value"].expand(len(images), -1, -1)

    clean = maps[:1].expand(N, -1, -1)
    assert max_sensitivity(constant, pictures(), clean, TARGET, generators()).tolist() == [0] * N
    same["value"] = torch.zeros(SIDE, SIDE)
    torch.testing.assert_close(
        max_sensitivity(constant, pictures(), clean, TARGET, generators()), torch.ones(N).double()
    )


def test_sensitivity_to_a_picture_that_is_its_own_map_is_that_of_the_noise():
    def picture(images, target):
        return images[:, 0]

    images = pictures()
    value = max_sensitivity(picture, images, images[:, 0], TARGET, generators(), radius=0.3)
    limit = 0.3 * SIDE / images.flatten(1).norm(dim=1).double()
    assert (value < limit).all()
    assert (value > limit / 2).all()


def test_sensitivity_is_undefined_for_an_empty_map_and_independent_of_the_batch():
    attribute, images = gradient(network()), pictures()
    maps = attribute(images, TARGET)
    whole = max_sensitivity(attribute, images, maps, TARGET, generators())
    parts = max_sensitivity(attribute, images, maps, TARGET, generators(), batch_size=1)
    torch.testing.assert_close(whole, parts)
    maps[1] = 0
    assert max_sensitivity(attribute, images, maps, TARGET, generators()).isnan().tolist() == [
        False, True, False, False,
    ]


REGIONS = torch.tensor([[[0, 0, 1], [2, 1, -1]]])
MAP = torch.tensor([[[1.0, 2.0, -4.0], [5.0, 3.0, 99.0]]])


def test_region_relevance_by_hand():
    assert region_relevance(MAP, REGIONS, 3).tolist() == [[3, -1, 5]]
    assert region_relevance(MAP, REGIONS, 3, "mean").tolist() == [[1.5, -0.5, 5]]
    assert region_relevance(MAP, REGIONS, 4).tolist() == [[3, -1, 5, 0]]
    assert region_relevance(MAP, REGIONS, 4, "mean")[0, 3].isnan()


def test_rank_correlation_with_shapley_values_is_scipys_over_regions():
    maps, regions = random_maps(6, 8), torch.randint(-1, 8, (6, 8, 8))
    shapley = torch.randn(6, 8)
    for reduce in ("sum", "mean"):
        relevance = region_relevance(maps, regions, 8, reduce)
        expected = [
            stats.spearmanr(a, b).statistic for a, b in zip(relevance, shapley, strict=True)
        ]
        value = region_rank_correlation(maps, regions, shapley, reduce)
        np.testing.assert_allclose(value, expected, atol=1e-9)


def test_a_map_that_spreads_the_shapley_values_over_their_regions_has_rank_correlation_1():
    regions = torch.arange(8).repeat_interleave(8).view(1, 8, 8)
    shapley = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    maps = shapley[:, regions[0]] / 8
    assert region_rank_correlation(maps, regions, shapley).tolist() == pytest.approx([1] * 5)
    assert region_rank_correlation(-maps, regions, shapley).tolist() == pytest.approx([-1] * 5)


def test_sum_and_mean_differ_where_regions_differ_in_size():
    regions = torch.zeros(1, 8, 8, dtype=torch.long)
    regions[0, 0, 0], regions[0, 1, :3] = 1, 2
    maps = torch.ones(1, 8, 8)
    maps[0, 0, 0], maps[0, 1, :3] = 3, 2  # the smaller, the denser
    values = [
        region_rank_correlation(maps, regions, torch.tensor([[3.0, 1, 2]]), reduce).item()
        for reduce in ("sum", "mean")
    ]
    assert values == pytest.approx([1, -1])


def test_rank_correlation_of_unrelated_values_is_0_with_the_documented_spread():
    regions = torch.arange(8).repeat_interleave(8).view(1, 8, 8)
    shapley = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
    value = region_rank_correlation(random_maps(600, 8), regions, shapley)
    assert value.mean().item() == pytest.approx(0, abs=4 / (7 * 600) ** 0.5)
    assert value.std().item() == pytest.approx(7**-0.5, rel=0.1)


def test_equal_shapley_values_and_constant_maps_rank_nothing():
    regions = torch.arange(8).repeat_interleave(8).view(1, 8, 8).clamp_max(5)
    constant = region_rank_correlation(torch.ones(1, 8, 8), regions, torch.rand(1, 8))
    assert constant.isnan().all()
    assert region_rank_correlation(random_maps(2, 8), regions, torch.ones(2, 8)).isnan().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reduce": "median"}, "'sum' or 'mean'"),
        ({"regions": REGIONS + 5}, "-1 to 2 are known"),
        ({"regions": torch.zeros(1, 4, 4).long()}, r"\(4, 4\) pixels, maps of \(2, 3\)"),
    ],
)
def test_regions_that_do_not_fit_are_refused(change, message):
    given = {"regions": REGIONS, **change}
    with pytest.raises(InputError, match=message):
        region_relevance(MAP, number=3, **given)
