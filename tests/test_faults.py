"""A little of each part of the campaign of faults; `make faults` runs it at length."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def test_a_short_campaign_finds_nothing(tmp_path):
    """In a process of its own, with one thread: a fork copies only the thread that calls it."""
    run = subprocess.run(
        [sys.executable, "-m", "faults", "--kills", "1", "--mutations", "25", "--flips", "1"],
        cwd=TESTS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("ok ") >= 16
    assert run.stdout.endswith("0 findings\n")


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(str(TESTS))
    from faults import kills, mutations

    return kills, mutations


def test_the_campaign_finds_what_is_wrong(faults, tmp_path):
    """A reader that lets an error through, and one that takes damage for truth."""
    _, mutations = faults

    def write(folder):
        (folder / "x.txt").write_text("0123456789")
        return folder / "x.txt"

    def careless(folder, path):
        assert path.read_bytes().isdigit()

    def silent(folder, path):
        path.read_text(encoding="utf-8")

    for read, word in ((careless, "AssertionError"), (silent, "UnicodeDecodeError")):
        target = mutations.Target(write, read)
        *found, last = mutations._kind(tmp_path / word, "x", target, 60, 0)
        assert any(word in finding.what for finding in found)
        assert last.startswith("ok x: 60 files")


def test_files_that_differ_are_named(faults):
    kills, _ = faults
    assert kills.differing({"a": b"1", "b": b"2"}, {"a": b"1", "c": b""}) == "b, c"
    assert kills.differing({"a": b"1"}, {"a": b"1"}) == ""
