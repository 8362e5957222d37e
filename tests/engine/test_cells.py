"""The engine of every study, on a plan whose cells are numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
import tiny

from analysis.engine import store
from analysis.engine.cells import Cell, Plan, added, complete, grouped, missing
from analysis.engine.parallel import Executor
from analysis.engine.run import Study, finish, opened

ALONE = Executor(workers=1)


@dataclass(frozen=True)
class Numbers(Plan):
    """Numbers, and their squares in a second stage, each pair of neighbours made together."""

    out: Path
    count: int = 5
    power: int = 2
    dataset = tiny.dataset(7)
    subjects: Sequence = ()
    seed: int = 0
    broken: set = field(default_factory=set)

    def cells(self) -> list[list[Cell]]:
        return [[self.cell(kind, n) for n in range(self.count)] for kind in ("numbers", "powers")]

    def cell(self, kind: str, number: int) -> Cell:
        power = self.power if kind == "powers" else 1
        return Cell(kind, str(number), store.cell_key(number=number, power=power),
                    (self.out / kind / f"{number}.parquet",), (kind, number), cost=power)

    def together(self, cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
        return grouped(cells, lambda cell: cell.kind, lambda cell: cell.name, 2)

    def value(self, kind: str, number: int) -> int:
        return int(self.cell(kind, number).read()["value"][0])


def make(plan: Numbers, cells: Sequence[Cell], advance) -> None:
    for cell in cells:
        number = cell.of[1]
        if number in plan.broken:
            raise KeyboardInterrupt
        if cell.kind == "powers":  # reads what was made before it
            number = plan.value("numbers", number) ** plan.power
        cell.write(pd.DataFrame({"value": [number]}))
        advance(cell.cost)


class Sums(Study):
    """The sum of all, as a table."""

    compute, names, version = staticmethod(make), ("sums",), 1

    def tables(self):
        values = [self.plan.value("powers", n) for n in range(self.plan.count)]
        return {"sums": pd.DataFrame({"sum": [sum(values)], "note": [""]})}

    words = ("note",)

    def lines(self, tables):
        return [f"sum {tables['sums']['sum'][0]}"]

    def notes(self, tables):
        return ["of squares"]


def run(plan: Numbers):
    return finish(Sums(plan), {"identity": {}}, progress=False, executor=ALONE)


def contents(folder) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("executor", [ALONE, Executor(workers=3), Executor("processes", 2)])
def test_later_stages_read_earlier_ones_whoever_computes(tmp_path, executor):
    plan = Numbers(tmp_path)
    assert complete(plan, make, False, executor) == 10
    assert [plan.value("powers", n) for n in range(5)] == [0, 1, 4, 9, 16]
    assert complete(plan, make, False, executor) == 0


def test_only_what_is_missing_damaged_or_of_another_key_is_made(tmp_path):
    complete(Numbers(tmp_path), make, False, ALONE)
    (tmp_path / "numbers" / "1.parquet").unlink()
    damaged = tmp_path / "powers" / "3.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert [[c.name for task in stage for c in task] for stage in missing(Numbers(tmp_path))] == [
        ["1"], ["3"]]
    assert complete(Numbers(tmp_path), make, False, ALONE) == 2
    assert complete(Numbers(tmp_path, power=3), make, False, ALONE) == 5


def test_tasks_hold_neighbours_and_what_an_interruption_loses_is_one_task(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        complete(Numbers(tmp_path, broken={2}), make, False, ALONE)
    kept = {p.stem for p in (tmp_path / "numbers").iterdir()}
    assert {"0", "1"} <= kept <= {"0", "1", "4"}
    lacking = missing(Numbers(tmp_path))[0]
    assert [cell.name for cell in lacking[0]] == ["2", "3"]
    complete(Numbers(tmp_path), make, False, ALONE)
    complete(Numbers(tmp_path / "whole"), make, False, ALONE)
    whole = contents(tmp_path / "whole")
    assert {path: data for path, data in contents(tmp_path).items() if path in whole} == whole


def test_the_tables_are_made_again_only_if_cells_or_their_version_changed(tmp_path, monkeypatch):
    first = run(Numbers(tmp_path))
    assert first.report().split() == f"sum 30 of squares in {tmp_path}: sums.csv".split()
    assert (first.made, first.tables["sums"]["note"][0]) == (10, "")
    with monkeypatch.context() as patch:
        patch.setattr(Sums, "tables", lambda self: 1 / 0)
        assert run(Numbers(tmp_path)).report() == first.report()
        patch.setattr(Sums, "version", 2)
        with pytest.raises(ZeroDivisionError):
            run(Numbers(tmp_path))
    (tmp_path / "sums.csv").unlink()
    again = run(Numbers(tmp_path))
    assert (again.made, again.report()) == (0, first.report())
    assert run(Numbers(tmp_path, power=3)).tables["sums"]["sum"][0] == 100


def test_tables_that_were_not_finished_are_not_taken_for_whole(tmp_path, monkeypatch):
    run(Numbers(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(Sums, "draw", lambda self, tables: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(Numbers(tmp_path, power=3))
    monkeypatch.setattr(Sums, "tables", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(Numbers(tmp_path))


def test_a_key_names_what_is_beyond_the_version_and_nothing_else():
    assert added(metrics=(["a", "b"], ["a", "b", "c"])) == {}
    assert added(metrics=(["a", "d"], ["a"]), scores=([], ["x"])) == {"metrics": ["d"]}


def test_a_folder_tells_its_faces_models_and_versions(tmp_path):
    class Model:
        name, weights_sha256, device = "net", "abc", "cpu"
        known, settle = None, staticmethod(lambda earlier: None)

    told = opened(Numbers(tmp_path, subjects=[Model]), "sums", {"powers": 2}, {"count": 5})
    assert told["identity"]["faces"] == 7
    assert told["identity"]["count"] == 5
    assert (told["kind"], told["models"], told["powers"]) == ("sums", {"net": "abc"}, 2)
    assert {"iram", "python", "torch"} <= set(told["versions"])
    assert not any(tmp_path.iterdir())
