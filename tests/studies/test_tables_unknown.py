"""What is printed where too few faces tell a number: that it is unknown, never a finding."""

import numpy as np
import pandas as pd
import pytest

from analysis.studies.attribution import report as attribution_report
from analysis.studies.attribution.tables import means, ranking
from analysis.studies.occlusion import report

HEAD = {"dataset": "heads", "model": "iram", "seed": 0}


def bench(value: float, relative: float) -> dict[str, pd.DataFrame]:
    """The tables of a benchmark whose only model has these mRR."""
    summary = pd.DataFrame([{"model": "iram", "metric": "accuracy", "condition": "clean", "n": 8,
                             "value": 1.0, "low": 1.0, "high": 1.0}])
    robustness = pd.DataFrame([
        {"model": "iram", "reference": "none", "kind": "all", "metric": metric, "value": found,
         "low": found, "high": found, "difference": found, "difference_low": found,
         "difference_high": found, "p": np.nan, "p_holm": np.nan}
        for metric, found in (("mrr", value), ("relative_mrr", relative), ("lost", 0.1))
    ])
    importance = pd.DataFrame(columns=["metric", "expression"])
    worst = pd.DataFrame({"kind": ["jpeg"]})
    return {"summary": summary, "robustness": robustness, "importance": importance, "worst": worst}


@pytest.mark.parametrize(("value", "relative", "unknown"),
                         [(np.nan, np.nan, 2), (90.0, np.nan, 1), (90.0, 95.0, 0)])
def test_a_robustness_that_no_kind_tells_is_unknown(value, relative, unknown):
    told = "\n".join(report.essence(bench(value, relative)))
    assert "nan" not in told
    errors = told.partition("mean relative robustness")[2]
    assert errors.count(" unknown") == unknown + (unknown > 0)  # and why
    why = "  unknown: on 8 faces no kind does the reference certain harm"
    assert (why in told.splitlines()) == (unknown > 0)


def attribution(chance) -> dict[str, pd.DataFrame]:
    """The tables of a suite of 40 faces and one method beside the attention."""
    faces = {**HEAD, "image_id": [f"face{i}" for i in range(40)], "chance": chance}
    rows = pd.DataFrame({**faces, "value": 0.5 + 0.001 * np.arange(40), "metric": "spearman"})
    both = pd.concat([rows.assign(resolution=name) for name in ("common", "image")])
    agreement = means(both.assign(method="attention", other="gradcam"),
                      ["method", "other", "metric", "resolution"])
    order = ranking(rows.assign(metric="shapley_rank", method="gradcam"))
    return {"agreement": agreement, "ranking": order, "complexity": agreement}


@pytest.mark.parametrize(
    ("chance", "told"),
    [([np.nan] * 40, "unknown, too few faces explained for one class"),
     ([0.4] + [np.nan] * 39, "unknown, too few faces explained for one class"),
     ([0.4] * 40, "gradcam"), ([0.6] * 40, "none")],
)
def test_an_agreement_whose_chance_is_unknown_is_not_told_to_be_none(chance, told):
    tables = attribution(chance)
    lines = attribution_report._agreeing("iram", tables["agreement"])
    lines += attribution_report._faithful("iram", tables["ranking"])
    assert not any("nan" in line for line in lines)
    assert f"  beyond chance: {told}" in lines
    assert any(told in line for line in attribution_report.essence(tables))


def test_a_method_that_too_few_faces_tell_from_the_best_is_not_told_apart():
    table = attribution([0.4] * 40)["ranking"]
    other = table.assign(method="saliency", behind_best=0.1, behind_best_low=np.nan)
    told = attribution_report._faithful("iram", pd.concat([table, other]))
    assert told[-1] == "  most faithful: gradcam; not told apart from it: saliency"
