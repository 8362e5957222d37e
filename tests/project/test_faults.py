"""A little of each part of the campaign of faults; `make faults` runs it at length."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.exhaustive

TESTS = Path(__file__).parents[1]


def test_a_short_campaign_finds_nothing(tmp_path):
    """In a process of its own, with one thread: a fork copies only the thread that calls it."""
    run = subprocess.run(
        [sys.executable, "-m", "faults", "--commands", "bench", "--mutations", "15", "--kills", "1",
         "--interrupts", "2", "--starts", "1", "--pairs", "1", "--flips", "1", "--fills", "1"],
        cwd=TESTS, capture_output=True, text=True, check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("\nok ") >= 24
    assert "\n0 findings, " in run.stdout


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(TESTS))


def test_the_campaign_finds_what_is_wrong(tmp_path):
    """A reader that lets an error through, one that takes damage for truth, one that hangs."""
    from faults import mutations

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
        assert str(last).startswith("ok x: 60 files, ")


def test_a_reader_that_hangs_is_found_even_if_it_forgives_all_errors(tmp_path, monkeypatch):
    from faults import mutations

    monkeypatch.setattr(mutations, "SECONDS", 0.05)

    def write(folder):
        (folder / "x.txt").write_text("0123456789")
        return folder / "x.txt"

    def forgiving(folder, path):
        try:
            while path.read_bytes() != b"0123456789":
                pass
        except Exception:
            return

    found, _ = mutations._kind(tmp_path / "x", "x", mutations.Target(write, forgiving), 1, 0)
    assert "over 0.05 s" in found.what


FUZZED = """import sys
from pathlib import Path
from faults.fuzz import fuzzed
from faults.mutations import Target

def write(folder):
    (folder / "x.txt").write_text("0123456789")
    return folder / "x.txt"

def careless(folder, path):
    assert path.read_bytes().isdigit()

def forgiving(folder, path):
    path.read_bytes()

for name, read in (("careless", careless), ("forgiving", forgiving)):
    print(fuzzed(Path(sys.argv[1]), name, Target(write, read), 1))
"""


def test_the_fuzzer_finds_what_is_wrong_once_and_goes_on(tmp_path):
    pytest.importorskip("atheris")
    run = subprocess.run([sys.executable, "-c", FUZZED, str(tmp_path)], cwd=TESTS,
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    careless, forgiving = [line for line in run.stdout.splitlines() if " files in " in line]
    assert careless.startswith("1 findings in careless: ")
    assert forgiving.startswith("ok forgiving: ")
    assert int(careless.split()[4]) > 2


def test_files_that_differ_are_named():
    from faults.runs import differing

    assert differing({"a": b"1", "b": b"2"}, {"a": b"1", "c": b""}) == "b, c"
    assert differing({"a": b"1"}, {"a": b"1"}) == ""


def test_stages_are_taken_from_all_parts_of_a_run():
    from faults.interrupts import _spread

    assert _spread(list("abcdefghij"), 5) == list("bdfhj")
    assert _spread(list("abc"), 9) == list("abc")


def test_what_is_told_is_counted_with_what_was_found_before_it(capsys):
    from faults.told import Told, counted

    told = list(counted(["a: broken", Told("a", "files", 5), Told("b", "disks", 0)]))
    assert [one.findings for one in told] == [1, 0]
    assert capsys.readouterr().out.splitlines() == [
        "a: broken", "1 findings in a: 5 files", "skip b: 0 disks"]
    with pytest.raises(AssertionError, match="after"):
        list(counted(["a: broken"]))


def test_a_table_keeps_what_other_seeds_and_parts_tried(tmp_path):
    from faults.told import Told, add

    table = tmp_path / "table.csv"
    add(table, "kills", 0, [Told("a", "times killed", 5), Told("b", "times killed", 5)])
    add(table, "kills", 1, [Told("a", "times killed", 7)])
    add(table, "pairs", 0, [Told("a", "times two runs", 2)])
    add(table, "kills", 0, [Told("a", "times killed", 9, findings=1)])
    rows = pd.read_csv(table)
    assert list(zip(rows["part"], rows["what"], rows["seed"], rows["tried"], rows["findings"],
                    strict=True)) == [
        ("kills", "b", 0, 5, 0), ("kills", "a", 1, 7, 0), ("pairs", "a", 0, 2, 0),
        ("kills", "a", 0, 9, 1)]
