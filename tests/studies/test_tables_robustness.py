"""Mean relative robustness, against hand-made answers."""

import numpy as np
import pytest
from answers import conditions, value_of, wrong_under

from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.tables.robustness import kind_errors, robustness

GRID = conditions(
    ("eyes", 0.1, "mean"), ("eyes", 0.3, "mean"), ("box", 0.3, "noise"), ("sham", 0.3, "mean"),
    Condition(corruption="jpeg", severity=1), Condition(corruption="jpeg", severity=2),
)
N = 400
RATIOS = ("error_ratio", "relative_error_ratio", "mrr", "relative_mrr")


def compared(reference, table=GRID, **models):
    answers = {"none": reference, **models}
    errors = {model: kind_errors(table, correct) for model, correct in answers.items()}
    return robustness(table, errors, dict.fromkeys(errors, "none"), seed=0)


def ends(table, **where):
    return [value_of(table, column, **where) for column in ("low", "value", "high")]


@pytest.fixture
def reference():
    return wrong_under(GRID, N, eyes=slice(0, 100), box=slice(50, 150), jpeg=slice(100, 200))


def test_the_reference_itself_has_exactly_100_everywhere(reference):
    table = compared(reference)
    for kind in ("eyes", "box", "jpeg"):
        assert ends(table, kind=kind, metric="error_ratio") == [100, 100, 100]
    assert ends(table, metric="mrr") == ends(table, metric="relative_mrr") == [100, 100, 100]


def test_a_model_twice_as_wrong_at_every_level_has_200(reference):
    twice = wrong_under(GRID, N, eyes=slice(0, 200), box=slice(50, 250), jpeg=slice(0, 200))
    table = compared(reference, twice=twice)
    own = table[table["model"] == "twice"]
    assert value_of(own, metric="mrr") == value_of(own, metric="relative_mrr") == 200
    low, _, high = ends(own, metric="mrr")
    assert 150 < low < 200 < high < 260


def test_mrr_is_the_mean_over_kinds_of_ratios_of_summed_errors(reference):
    other = wrong_under(GRID, N, eyes=slice(0, 50), box=slice(50, 150))
    other[:300, 5] = False  # the first severity of jpeg: 300 + 0 errors against 100 + 100
    own = compared(reference, other=other).query("model == 'other'")
    found = [value_of(own, kind=kind, metric="error_ratio") for kind in ("eyes", "box", "jpeg")]
    assert found == [50, 100, 150]
    assert value_of(own, metric="mrr") == 100
    assert value_of(own, "conditions", metric="mrr") == 5


def test_the_relative_form_is_of_the_errors_beyond_each_models_own_clean_ones(reference):
    reference[200:240, :] = False  # 10% wrong, covered or not
    other = wrong_under(GRID, N, eyes=slice(0, 100), box=slice(50, 150), jpeg=slice(100, 200))
    other[200:360, :] = False
    own = compared(reference, other=other).query("model == 'other'")
    assert value_of(own, kind="clean", metric="error_ratio") == 400
    assert value_of(own, metric="mrr") == pytest.approx(100 * 260 / 140)
    assert value_of(own, metric="relative_mrr") == 100


def test_intervals_are_paired_by_image(reference):
    """On the same wrong images and one more in ten, far narrower than two independent rates."""
    more = wrong_under(GRID, N, eyes=slice(0, 110), box=slice(50, 160), jpeg=slice(100, 210))
    low, value, high = ends(compared(reference, more=more).query("model == 'more'"), metric="mrr")
    assert value == pytest.approx(110)
    independent = 110 * np.sqrt(0.75 / 100 + 0.725 / 110)  # standard error of a ratio of rates
    assert high - low < 0.5 * 2 * 1.96 * independent
    assert low > 100


@pytest.mark.exhaustive
def test_its_95_percent_interval_covers_the_true_ratio():
    table = conditions(("eyes", 0.3, "mean"))
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(250):
        draws = generator.random((150, 1))
        answers = {"none": draws > 0.5, "other": draws * generator.choice([1, 2], (150, 1)) > 0.5}
        # other is wrong with half of 0.5 and half of 0.25: true ratio 75%
        errors = {m: kind_errors(table, np.hstack([hits, hits])) for m, hits in answers.items()}
        found = robustness(table, errors, {"other": "none"}, seed=0)
        low, _, high = ends(found, metric="mrr")
        covered += low <= 75 <= high
    assert 0.91 <= covered / 250 <= 0.98


def test_a_kind_that_does_the_reference_no_certain_harm_is_nan_and_out_of_the_mean(reference):
    reference[:, 3] = True  # the box never misleads it
    other = wrong_under(GRID, N, eyes=slice(0, 200), box=slice(0, 400), jpeg=slice(100, 200))
    own = compared(reference, other=other).query("model == 'other'")
    assert np.isnan(ends(own, kind="box", metric="error_ratio")).all()
    assert value_of(own, metric="mrr") == 150
    assert value_of(own, "conditions", metric="mrr") == 4
    helped = reference.copy()
    helped[:300, 0] = False  # wrong when clean, right when covered
    own = compared(helped, other=other).query("model == 'other'")
    assert np.isnan(ends(own, metric="relative_mrr")).all()
    assert value_of(own, "conditions", metric="relative_mrr") == 0


def test_five_errors_of_the_reference_are_too_few_to_divide_by(reference):
    reference[:, 3] = np.arange(N) >= 5  # the box: some resample has none of these images
    own = compared(reference, other=np.zeros((N, len(GRID)), bool)).query("model == 'other'")
    assert np.isnan(ends(own, kind="box", metric="error_ratio")).all()
    assert value_of(own, kind="eyes", metric="error_ratio") == 400


def test_the_sham_is_no_kind(reference):
    assert "sham" not in set(compared(reference)["kind"])


def test_without_a_reference_or_a_kind_the_table_is_empty_with_its_columns(reference):
    whole = compared(reference)
    for table in (
        robustness(GRID, {"iram": kind_errors(GRID, reference)}, {}, 0),
        compared(np.ones((N, 1), bool), conditions()),
    ):
        assert table.empty
        assert list(table.columns) == list(whole.columns)
