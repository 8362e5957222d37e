"""Means over training seeds, beside a reference's."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.commands.main import main
from analysis.studies.training.means import means
from iram import InputError

STUDY, QUICK = [0.60, 0.62, 0.61], [0.63, 0.61]


def table(label, scores, **more):
    return pd.DataFrame({
        "name": [f"{label}-seed{k}" for k in range(len(scores))], "label": label,
        "recipe": "epochs=2", "data": "fer2013", "status": "done",
        "validation": scores, "test": np.add(scores, 0.01),
        "test_without_copies": np.subtract(scores, 0.01),
    } | more)


def test_means_and_intervals_are_those_of_students_and_welchs_t():
    found = means([table("quick", QUICK), table("none", STUDY)], "none")
    assert list(found["label"]) == ["quick"] * 3 + ["none"] * 3
    row = found[(found["label"] == "quick") & (found["split"] == "validation")].iloc[0]
    half = stats.t.ppf(0.975, 1) * np.std(QUICK, ddof=1) / np.sqrt(2)
    assert (row["seeds"], row["reference_seeds"]) == (2, 3)
    np.testing.assert_allclose([row["accuracy"], row["low"], row["high"]],
                               [0.62, 0.62 - half, 0.62 + half])
    parts = [np.var(values, ddof=1) / len(values) for values in (QUICK, STUDY)]
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 1 + parts[1] ** 2 / 2)  # Welch & Satterthwaite
    half = stats.t.ppf(0.975, degrees) * np.sqrt(sum(parts))
    np.testing.assert_allclose([row["difference"], row["difference_low"], row["difference_high"]],
                               [0.01, 0.01 - half, 0.01 + half])
    assert found[found["label"] == "none"]["difference"].isna().all()
    assert list(found["faces"][:3]) == ["all", "all", "without copies"]


def test_one_seed_has_no_interval_and_what_is_not_done_does_not_count():
    both = table("quick", QUICK, status=["done", "unfinished"])
    row = means([both, table("none", STUDY)], "none").iloc[0]
    assert row["seeds"] == 1
    assert row["difference"] == pytest.approx(0.02)
    assert row[["low", "high", "difference_low", "difference_high"]].isna().all()


def test_a_reference_that_is_not_there_and_other_data_are_input_errors():
    with pytest.raises(InputError, match=r"--reference none: .*\(quick\)"):
        means([table("quick", QUICK)], "none")
    with pytest.raises(InputError, match=r"heads, fer2013"):
        means([table("quick", QUICK, data="heads"), table("none", STUDY)], "none")


def test_the_command_writes_the_table_and_refuses_what_is_no_ledger(tmp_path, capsys):
    for label, scores in (("quick", QUICK), ("none", STUDY)):
        table(label, scores).to_csv(tmp_path / f"{label}.csv", index=False)
    tables = f"{tmp_path}/quick.csv,{tmp_path}/none.csv"
    assert main(["models", "--means", tables, "--out", str(tmp_path / "out")]) == 0
    assert "+1.0 [" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "out" / "means.csv")) == 6
    table("quick", QUICK).drop(columns="status").to_csv(tmp_path / "quick.csv", index=False)
    assert main(["models", "--means", tables, "--out", str(tmp_path / "out")]) == 2
    assert "quick.csv is no ledger.csv of `iram models --ledger`: it lacks status" in (
        capsys.readouterr().err)
