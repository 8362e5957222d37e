"""The command where its output goes nowhere, or into an encoding that lacks what is said."""

import os
import subprocess
import sys

import pytest

HEADS = ["--data", "heads:n=6", "--split", "all", "--models", "none-heads", "--conditions",
         "eyes-0.3-mean"]


def run(*command, closed="", **environment):
    line = [sys.executable, "-m", "iram", *map(str, command)]
    if closed:  # by the shell, before Python begins
        line = ["sh", "-c", f'"$@" {closed}', "sh", *line]
    return subprocess.run(line, capture_output=True, check=False,
                          env=os.environ | environment)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_takes_what_is_said_nowhere(tmp_path, closed):
    assert run("models", closed=closed).returncode == 0
    assert run("bench", *HEADS, "--out", tmp_path, closed=closed).returncode == 0
    assert (tmp_path / "summary.csv").is_file()
    assert run("bench", "--data", "nothing.csv", closed=closed).returncode == 2


def test_what_an_encoding_lacks_is_escaped():
    listed = run("models", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.isascii()


def test_a_path_that_is_no_text_is_written_and_shown(tmp_path):
    out = os.path.join(os.fsencode(tmp_path), b"by\xfftes")
    ran = run("bench", *HEADS, "--out", os.fsdecode(out), PYTHONIOENCODING="utf-8:strict")
    assert ran.returncode == 0, ran.stderr
    assert b"udcff" in ran.stdout
    told = run("report", "--notebooks", "none", "--results", os.fsdecode(out),
               PYTHONIOENCODING="utf-8:strict")
    assert told.returncode == 0, told.stderr
    assert os.path.isfile(os.path.join(out, b"report.html"))
