"""`iram bench` as it is typed."""

import os
import re
import resource
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import tiny

from analysis.commands.main import main

HEADS = "heads:n=40"


@pytest.fixture
def weights(tmp_path):
    return str(tiny.weights(tmp_path, "iram"))


def command(weights, out, *more):
    return ["bench", "--data", HEADS, "--models", weights, "--batch-size", "4", "--dtype", "fp32",
            "--conditions", "clean,eyes-0.3-[mnb]*,yaw+30", "--out", str(out), *more]


def test_it_runs_on_data_that_needs_no_download_and_prints_a_table(weights, tmp_path, capsys):
    assert main(command(weights, tmp_path / "out", "--limit", "6")) == 0
    told = capsys.readouterr().out
    assert "heads: 6 faces" in told
    assert re.search(r"^  eyes +-?\d+\.\d \[", told, re.MULTILINE)
    assert re.search(r"^  yaw\+30 .*\d+\.\d \[", told, re.MULTILINE)
    assert len(pd.read_parquet(tmp_path / "out" / "rows")) == 6 * 7


def test_a_list_names_the_conditions_and_what_they_cost_and_runs_nothing(weights, tmp_path, capsys):
    assert main(command(weights, tmp_path / "out", "--list")) == 0
    told = capsys.readouterr().out
    assert "\neyes-0.3-noise\n" in told
    assert re.search(r"7 conditions, 8 faces, 1 models: 56 forward passes, about \d+ s here", told)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "more", [["--conditions", "jpeg-3"], ["--conditions", "eyes-0.3-mean", "--placement", "mean"]]
)
def test_a_landmark_file_that_is_none_is_told_even_where_nothing_needs_it(
    weights, tmp_path, capsys, more
):
    given = command(weights, tmp_path / "out", *more, "--landmarks", str(tmp_path / "nope.npz"))
    assert main(given) == 2
    assert capsys.readouterr().err == f"iram: {tmp_path / 'nope.npz'}: no such file\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.exhaustive
def test_killed_by_sigint_and_run_again_the_summary_is_the_same(weights, tmp_path):
    arguments = command(weights, tmp_path / "killed", "--conditions", "unstructured")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "analysis.commands.main", *arguments], env=environment, text=True,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job of a shell's
    )
    rows = tmp_path / "killed" / "rows"
    deadline = time.monotonic() + 120
    while not (rows.is_dir() and len(list(rows.glob("*.parquet"))) > 3):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.rstrip().endswith("interrupted; what was finished is kept")
    assert not (tmp_path / "killed" / "summary.csv").exists()
    for out in ("killed", "whole"):
        assert main(command(weights, tmp_path / out, "--conditions", "unstructured")) == 0
    killed, whole = ((tmp_path / out / "summary.csv").read_bytes() for out in ("killed", "whole"))
    assert killed == whole


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(weights, tmp_path):
    out = tmp_path / "out"
    assert main(command(weights, out, "--conditions", "clean")) == 0
    before = {path: path.read_bytes() for path in (out / "rows").iterdir()}

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    run = subprocess.run(
        [sys.executable, "-m", "analysis.commands.main", *command(weights, out)],
        preexec_fn=limited, capture_output=True, text=True, check=False,
    )
    assert run.returncode == 2
    assert "cannot write" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert {path: path.read_bytes() for path in (out / "rows").iterdir()} == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--conditions", "eyse"], "did you mean 'eyes'"),
        (["--models", "nosuch"], "unknown model 'nosuch'"),
        (["--batch-size", "0"], "--batch-size 0"),
        (["--limit", "0"], "--limit 0"),
        (["--split", "nosuch"], "no split 'nosuch'"),
        (["--data", "nosuch:x"], "unknown data set"),
        (["--data", "heads:n=0"], "n=0"),
        (["--device", "cuda"], "no GPU"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(weights, tmp_path, more, message, capsys):
    assert main(command(weights, tmp_path / "out", *more)) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out" / "rows").exists()


def test_truncated_weights_are_named(weights, tmp_path, capsys):
    with open(weights, "r+b") as file:
        file.truncate(1000)
    assert main(command(weights, tmp_path / "out")) == 2
    assert "damaged" in capsys.readouterr().err


def test_another_seed_into_the_same_folder_is_refused(weights, tmp_path, capsys):
    assert main(command(weights, tmp_path / "out", "--limit", "5")) == 0
    assert main(command(weights, tmp_path / "out", "--limit", "5", "--seed", "1")) == 2
    assert "choose another --out" in capsys.readouterr().err
