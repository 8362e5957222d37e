"""`iram figures` and `iram report` on tables that were changed or lost something."""

import shutil

import pandas as pd
import pytest
import small_results

from analysis.commands.main import main


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    small_results.write(folder)
    return folder


@pytest.fixture
def copy(results, tmp_path):
    return shutil.copytree(results, tmp_path / "copy")


def told(capsys, folder, *arguments):
    code = main(["figures", "--results", str(folder), "--format", "svg", *arguments])
    printed = capsys.readouterr()
    return code, " ".join(printed.out.split()), printed.err


@pytest.mark.parametrize(("table", "column", "only"), [
    ("shift/verdicts.csv", "effect", "table-verdicts"),
    ("shift/verdicts.csv", "hypothesis", "table-verdicts,summary"),
    ("occlusion/robustness.csv", "model", "table-occluders"),
])
def test_a_column_that_is_lost_is_named_and_the_rest_goes_on(copy, capsys, table, column, only):
    pd.read_csv(copy / table, dtype=str).drop(columns=column).to_csv(copy / table, index=False)
    code, out, _ = told(capsys, copy, "--only", f"{only},importance")
    assert code == 0
    assert f"not made: no column {column} in {copy / table}" in out
    assert "importance_" in out


def test_text_among_numbers_is_named(copy, capsys):
    path = copy / "occlusion" / "occluders.csv"
    rows = pd.read_csv(path, dtype=str)
    rows.loc[2, "value"] = "oops"
    rows.to_csv(path, index=False)
    code, out, err = told(capsys, copy, "--only", "drop_by_occluder")
    assert code == 2
    assert f"{path}, line 4: value is 'oops'; it must be a number" in out
    assert "nothing could be made of it" in err


def test_tables_of_a_run_without_its_run_json_say_so(copy, capsys):
    folder = copy / "occlusion"
    folder.rename(copy / "mine")
    (copy / "mine" / "run.json").unlink(missing_ok=True)
    _, out, _ = told(capsys, copy / "mine", "--only", "drop_by_occluder")
    assert f"{copy / 'mine' / 'occluders.csv'} is there, but run.json" in out


def test_a_file_in_the_place_of_the_figures_folder_is_named(copy, capsys):
    (copy / "figures").write_text("mine")
    code, _, err = told(capsys, copy, "--only", "importance")
    assert code == 2
    assert f"iram: --out {copy / 'figures'} is no folder; name one, or" in err
