"""The studies' commands, whoever computes and wherever the results lie: the same bytes."""

import pytest

from analysis.commands.main import main
from iram.files import located

pytestmark = [pytest.mark.usefixtures("undrawn"), pytest.mark.exhaustive]

STUDIES = {
    "bench": ["--conditions", "clean,eyes-0.3-mean,box-0.3-noise", "--batch-size", "4"],
    "attribute": ["--methods", "attention,saliency", "--reference", "2", "--curves", "2",
                  "--pairs", "2", "--sanity", "1"],
    "shift": ["--conditions", "eyes-0.3-mean,box-0.3-noise,sham-0.3-noise", "--batch-size", "4"],
}


@pytest.fixture
def models(tiny_weights) -> str:
    return ",".join(str(tiny_weights / f"{name}-seed0.safetensors") for name in ("iram", "none"))


def run(command, models, out, *more):
    return main([command, "--data", "heads:n=40", "--limit", "8", "--models", models,
                 *STUDIES[command], "--out", str(out), *more])


def tables(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in located(str(out)).iterdir()
            if path.suffix == ".csv"}


@pytest.mark.parametrize("command", STUDIES)
def test_threads_processes_and_a_cluster_write_the_same_tables(command, models, cluster, tmp_path):
    executors = {
        "one": ("--workers", "1"),
        "processes": ("--executor", "processes", "--workers", "2"),
        "dask": ("--executor", "dask", "--scheduler", cluster),
    }
    for name, executor in executors.items():
        assert run(command, models, tmp_path / name, *executor) == 0
    one = tables(tmp_path / "one")
    assert len(one) >= 3
    for name in executors:
        assert tables(tmp_path / name) == one


@pytest.mark.parametrize("command", STUDIES)
def test_a_store_by_url_holds_what_a_folder_holds(command, models, tmp_path, capsys):
    url = f"memory://runs/{command}"
    assert run(command, models, tmp_path) == 0
    assert run(command, models, url) == 0
    assert tables(url) == tables(tmp_path)
    assert url in capsys.readouterr().out
    assert not list(located(url).rglob("*.tmp"))
    before = {path.name: path.stat() for path in located(url).rglob("*.parquet")}
    assert run(command, models, url) == 0  # all is there
    assert {path.name: path.stat() for path in located(url).rglob("*.parquet")} == before


def test_a_cell_damaged_in_a_store_is_made_again(models):
    url = "memory://runs/damaged"
    assert run("bench", models, url) == 0
    whole = tables(url)
    cell = next(located(url).rglob("*.parquet"))
    good = cell.read_bytes()
    cell.write_bytes(good[: len(good) // 2])
    assert run("bench", models, url) == 0
    assert cell.read_bytes() == good
    assert tables(url) == whole


def test_figures_and_the_report_read_results_in_a_store(models):
    url = "memory://runs/figured"
    assert run("bench", models, f"{url}/occlusion") == 0
    assert main(["figures", "--results", url, "--only", "accuracy_against_fraction*"]) == 0
    assert list((located(url) / "figures").rglob("*.pdf"))
    assert main(["report", "--results", url]) == 0
    assert "<!doctype html>" in (located(url) / "report.html").read_text()[:100].lower()


@pytest.mark.parametrize(
    ("url", "message"),
    [("nosuch://bucket/run", "nosuch")],
)
def test_a_store_that_can_not_be_had_is_named(url, message, models, capsys):
    with pytest.raises(SystemExit) as stop:
        run("bench", models, url)
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def test_a_store_that_refuses_is_told_in_one_line(models, monkeypatch, capsys):
    from fsspec.implementations.memory import MemoryFileSystem

    def refused(*arguments, **options):
        raise PermissionError("403 forbidden")

    monkeypatch.setattr(MemoryFileSystem, "put_file", refused)
    assert run("bench", models, "memory://runs/refused") == 2
    told = capsys.readouterr().err
    assert "cannot write memory://runs/refused/run.json: 403 forbidden" in told
    assert told.count("\n") == 1
