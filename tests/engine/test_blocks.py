"""Many faces: a cell's rows lie in several files, and everything else is as if they lay in one."""

import pandas as pd
import pytest
import tiny

from analysis.engine.parallel import Executor
from analysis.stimuli.conditions import select
from analysis.studies.occlusion import plan as plans
from analysis.studies.occlusion.estimate import estimate
from analysis.studies.occlusion.run import Occlusion, benchmark, planned
from analysis.studies.occlusion.tables.summary import TABLES
from analysis.subjects import open_subjects
from iram.architecture import FER2013_CLASSES

QUICK = select("smoke")
FACES, BATCH = 40, 4


pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def subjects(tiny_weights):
    names = ",".join(str(tiny_weights / f"{name}-seed0.safetensors") for name in ("iram", "none"))
    return open_subjects(names, FER2013_CLASSES)


@pytest.fixture
def _blocks(monkeypatch):
    """Files of three batches; the last holds a single batch."""
    monkeypatch.setattr(plans, "BLOCK", 3 * BATCH + 1)


def run(subjects, out, **options):
    return benchmark(subjects, tiny.dataset(FACES), QUICK, out, batch_size=BATCH, progress=False,
                     **options)


def tables(out) -> dict[str, bytes]:
    return {name: (out / f"{name}.csv").read_bytes() for name in TABLES}


@pytest.mark.exhaustive
@pytest.mark.parametrize("executor", [Executor(workers=2), Executor("processes", 2)])
def test_rows_and_tables_are_those_of_one_file(subjects, tmp_path, monkeypatch, executor):
    whole = run(subjects, tmp_path / "whole")
    monkeypatch.setattr(plans, "BLOCK", 3 * BATCH + 1)
    blocks = run(subjects, tmp_path / "blocks", executor=executor)
    assert whole.made == blocks.made == 2 * len(QUICK)
    files = list((tmp_path / "blocks" / "rows").iterdir())
    assert len(files) == 4 * 2 * len(QUICK)
    assert {len(pd.read_parquet(path)) for path in files} == {3 * BATCH, BATCH}
    assert tables(tmp_path / "blocks") == tables(tmp_path / "whole")
    for condition in QUICK:
        pd.testing.assert_frame_equal(*(
            one.plan.rows(subjects[0], condition) for one in (whole, blocks)
        ))


@pytest.mark.usefixtures("_blocks")
def test_a_damaged_file_alone_is_made_again(subjects, tmp_path, monkeypatch):
    run(subjects, tmp_path)
    good = {path: path.read_bytes() for path in (tmp_path / "rows").iterdir()}
    hurt = tmp_path / "rows" / f"iram-seed0--{QUICK[1].name}--{3 * BATCH}.parquet"
    hurt.write_bytes(b"PAR1")
    shown = []
    genuine = Occlusion.compute
    monkeypatch.setattr(Occlusion, "compute", staticmethod(
        lambda plan, cells, advance: shown.extend(cells) or genuine(plan, cells, advance)))
    plan, _ = planned(subjects, tiny.dataset(FACES), QUICK, tmp_path, batch_size=BATCH)
    left = estimate(plan)
    assert (left.passes, left.finished) == (3 * BATCH, 2 * len(QUICK) * FACES - 3 * BATCH)
    assert run(subjects, tmp_path).made == 1
    assert [cell.of[2] for cell in shown] == [slice(3 * BATCH, 6 * BATCH)]
    assert {path: path.read_bytes() for path in good} == good


def test_a_set_that_fits_has_one_file_a_cell(subjects, tmp_path):
    plan, _ = planned(subjects, tiny.dataset(FACES), QUICK, tmp_path, batch_size=BATCH)
    assert plan.blocks == [slice(0, FACES)]
    (file,) = plan.cell(subjects[0], QUICK[0], plan.blocks[0]).files
    assert file.name == "iram-seed0--clean.parquet"
