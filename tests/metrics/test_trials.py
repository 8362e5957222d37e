"""Trials of methods in the suite: who has which, what is said before the run, where they stand."""

import shutil

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from analysis import Subject
from analysis.metrics import AGREEMENT, TRIALS
from analysis.metrics.randomised import histogram_entropy
from analysis.studies.attribution import Sizes, attribution_suite, planned
from analysis.studies.attribution.estimate import estimate
from analysis.studies.attribution.needs import covering
from analysis.studies.attribution.report import skipped_lines
from analysis.studies.attribution.trials import case_of
from analysis.subjects import open_subjects

pytestmark = [pytest.mark.exhaustive, pytest.mark.usefixtures("undrawn")]
METHODS = ("gradcam", "feature_ablation", "random")
SIZES = Sizes(reference=2, curves=4, pairs=2, sanity=3)
QUICK = set(TRIALS.where(quick=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trials")


def opened(folder):
    """A net that knows covered faces, and one that doesn't."""
    paths = [folder / f"{name}.safetensors" for name in ("judge", "iram-seed0")]
    if not all(path.exists() for path in paths):
        tiny.carded(folder, "judge", "none-erasing-noise", "none", data="tiny", erasing=0.5)
        tiny.weights(folder, "iram")
    return open_subjects(",".join(map(str, paths)), tiny.dataset(8).classes)


def suite_of(folder, out, subjects=None, **options):
    return attribution_suite(subjects or opened(folder), tiny.dataset(40), METHODS, out, limit=8,
                             sizes=SIZES, progress=False, **options)


@pytest.fixture(scope="module")
def findings(folder):
    return suite_of(folder, folder / "out")


def test_every_trial_stands_in_its_table_with_direction_chance_and_interval(findings):
    for name in TRIALS:
        about, table = TRIALS.about(name), findings.tables[TRIALS.about(name).family]
        own = table[table["metric"] == name]
        expected = {"gradcam"} if about.quick else set(METHODS)
        assert set(own["method"]) == expected, name
        assert set(own["better"]) == {about.better}
        assert (own["n"] <= getattr(SIZES, about.faces)).all()
        defined = own[own["n"] > 0]
        assert len(defined)
        assert (defined["low"] <= defined["value"]).all()
        assert (defined["value"] <= defined["high"]).all()
        if about.family == "sanity":
            assert set(own["test"]) == {about.test}


def test_what_ignores_weights_has_no_rise_of_complexity(findings):
    table = findings.tables["sanity"].query("metric == 'efficient_mprt' and method == 'random'")
    assert table["value"].tolist() == pytest.approx([0, 0], abs=0.02)  # maps are half floats


def test_the_weights_are_those_of_the_cascades_end(findings):
    subject = findings.plan.subjects[1]
    faces = findings.plan.faces_of_trial("efficient_mprt")
    case = case_of(findings.plan, subject, "gradcam", faces)
    with case.without_weights():
        maps = case.explained(case.images[:, None])[:, 0]
    cell = findings.plan.read("sanity", subject, "gradcam")
    end = cell[(cell["layer"] == "backbone.stem") & (cell["metric"] == "spearman")]
    found = AGREEMENT["spearman"](case.maps, maps)
    assert found.numpy() == pytest.approx(end["value"].to_numpy(), abs=2e-3)
    trial = findings.plan.trials(subject, "gradcam").query("metric == 'efficient_mprt'")
    before, after = histogram_entropy(case.maps), histogram_entropy(maps)
    assert trial["value"].to_numpy() == pytest.approx((after / before - 1).numpy(), abs=0.02)


def test_deletion_is_of_the_judge_alone_in_the_fill_that_it_knows(findings):
    table = findings.tables["faithfulness"].query("metric == 'in_domain_deletion'")
    assert set(table["model"]) == {"judge"}
    assert set(table["fill"]) == {"noise"}
    told = "\n".join(skipped_lines(findings.plan))
    assert ("iram-seed0: no in-domain single deletion (IDSDS): no face was covered in its "
            "training; it was in that of iram-erasing-noise") in told
    assert "judge: no " not in told
    assert "sanity and robustness, the best method and the worst" in findings.report()


@pytest.mark.parametrize(("recipe", "data", "fill", "why"), [
    ({"erasing": 0.5}, "tiny", "noise", ""),
    ({"erasing": 0.5, "erasing_fill": "any", "erasing_shape": "regions"}, "tiny", "mean", ""),
    ({"erasing": 0.5}, "others", "",
     "it learned on covered faces of others, and these are of tiny"),
    ({}, "tiny", "", "no face was covered in its training"),
])
def test_a_judge_is_known_by_its_card(tmp_path, recipe, data, fill, why):
    path = tiny.carded(tmp_path, "any", "none-any", "none", data=data, **recipe)
    [subject] = open_subjects(str(path), tiny.dataset(8).classes)
    found, reason = covering(subject, "tiny")
    assert found == fill
    assert reason.startswith(why)
    assert bool(found) != bool(reason)


class Pooled(torch.nn.Module):
    """Without a layer that has places."""

    def __init__(self):
        super().__init__()
        self.last = torch.nn.Linear(36, 7)

    def forward(self, x):
        return self.last(torch.nn.functional.adaptive_avg_pool2d(x, 6).flatten(1))


def test_a_net_from_outside_goes_without_what_it_lacks_and_is_told_so(tmp_path):
    data = tiny.dataset(8)
    [subject] = open_subjects([Subject.of(Pooled(), classes=data.classes, size=48, name="pooled")],
                              data.classes)
    plan, _ = planned([subject], data, ("saliency", "random"), tmp_path, sizes=SIZES)
    lacking = plan.untried["pooled"]
    assert set(lacking) == {"in_domain_deletion", "relative_representation_stability"}
    told = "\n".join(skipped_lines(plan))
    assert "pooled: no in-domain single deletion (IDSDS): no face was covered" in told
    assert "pooled: no log relative representation stability (RRS): " in told
    assert set(plan.trials_of(subject, "saliency")) == {
        f"trials/{name}" for name in TRIALS if name not in lacking}
    assert plan.trials_of(subject, "random") == ["trials/efficient_mprt"]


def test_what_a_run_of_before_held_stays_and_the_trials_are_added(findings, folder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(findings.plan.out, out)
    shutil.rmtree(out / "trials")
    cells = {path: path.read_bytes() for path in sorted(out.rglob("*.parquet"))}
    again = suite_of(folder, out)
    count = {s.name: sum(len(again.plan.trials_of(s, m)) for m in METHODS)
             for s in again.plan.subjects}
    assert again.made == sum(count.values())
    assert {path: path.read_bytes() for path in cells} == cells
    for name, table in findings.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)


def test_a_class_asked_against_another_is_put_on_trial_as_such(folder, tmp_path):
    judge = opened(folder)[:1]
    plain, other = (suite_of(folder, tmp_path / name, judge, against=name).plan
                    for name in ("", "second"))
    subject, name = other.subjects[0], "trials/in_domain_deletion"
    faces = other.faces_of_trial("in_domain_deletion")
    case = case_of(other, subject, "gradcam", faces)
    logits = subject.logits(case.images)
    both = logits.topk(2).values
    found = case.scores(logits).gather(1, case.target[:, None])[:, 0]
    torch.testing.assert_close(found, both[:, 0] - both[:, 1])
    values = [plan.read("trials", subject, "gradcam", name)["value"] for plan in (plain, other)]
    assert (values[0] != values[1]).any()


def test_trials_do_not_depend_on_which_of_them_are_made_together(findings):
    plan, subject = findings.plan, findings.plan.subjects[1]
    for name in QUICK:
        case = case_of(plan, subject, "gradcam", plan.faces_of_trial(name))
        alone = TRIALS[name](case)[0].numpy().astype(np.float32)
        kept = plan.read("trials", subject, "gradcam", f"trials/{name}")["value"].to_numpy()
        np.testing.assert_array_equal(alone, kept)


def test_the_estimate_counts_the_maps_of_trials(findings, tmp_path, monkeypatch):
    from analysis.studies.attribution import estimate as estimated

    plan, _ = planned(list(findings.plan.subjects)[1:], tiny.dataset(40), ("gradcam",), tmp_path,
                      limit=8, sizes=SIZES)
    monkeypatch.setattr(estimated, "_attributing", lambda *of: 1000.0 * estimated.HERE.count)
    [whole] = [cost.seconds for cost in estimate(plan) if cost.method == "gradcam"]
    for trial in ("smooth_mprt", "efficient_mprt"):
        without = {name: {**of, trial: "not now"} for name, of in plan.untried.items()}
        plan.__dict__["untried"] = without
    [less] = [cost.seconds for cost in estimate(plan) if cost.method == "gradcam"]
    maps = sum(TRIALS.about(name).maps for name in ("smooth_mprt", "efficient_mprt"))
    assert (whole - less) / 1000 == pytest.approx(maps * SIZES.sanity, rel=0.01)
