"""The whole study as one call: run what is missing, then the tables and the verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.engine import store
from analysis.engine.parallel import HERE, Executor
from analysis.stimuli.conditions import CLEAN, Condition, occlusion
from analysis.studies.occlusion import run as bench
from analysis.studies.shift import report, tables
from analysis.studies.shift.engine import run
from analysis.studies.shift.evidence import Evidence
from analysis.studies.shift.fills import fill_lines, fill_table
from analysis.studies.shift.hypotheses import HYPOTHESES
from analysis.studies.shift.mediation import mediation_table
from analysis.studies.shift.places import FACELESS, covering
from analysis.studies.shift.plan import CAUSAL_FILLS, ShiftStudy
from analysis.studies.shift.readers import open_readers, readable
from analysis.studies.shift.real import RealShift, conditions_for_real
from analysis.studies.shift.verdicts import judge
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset
from iram.errors import InputError

FILLS = ("mean", "noise", "texture", "phase_scrambled", "other_class")
DEFAULT = [
    CLEAN,
    *occlusion(("eyes", "mouth", "lower_half", "upper_half", "box", "sham"), (0.3,), FILLS),
    *(Condition(name, None, "object") for name in ("sunglasses", "surgical_mask")),
]

TABLES = ("shift", "by_fill", "interventions", "mediation", "real", "real_correlation",
          "components", "verdicts")
WORDS = ("reason", "note", "controls_passed", "controls_failed", "not_tested", "missing_weights",
         "presupposes")
VERSION = 4  # raise it when what the tables hold changes, so that old ones are made again


@dataclass
class ShiftResults:
    """A finished study.

    Attributes:
        tables: file name without .csv -> table.
        made: cells computed by this call; 0 if all were there.
        notes: what a reader has to know.
    """

    study: ShiftStudy
    tables: dict[str, pd.DataFrame]
    made: int
    notes: list[str]

    def report(self) -> str:
        """What the command prints."""
        dataset, found = self.study.plan.dataset, self.tables
        lines = [f"\n{dataset.name}: {len(dataset)} faces, {len(self.study.plan.conditions)} "
                 "conditions"]
        lines += report.verdict_lines(found["verdicts"], found["components"])
        lines += fill_lines(found["by_fill"])
        if "real" in found:
            lines += report.real_lines(found["real"], found["real_correlation"], [])
        lines += ["", *self.notes] if self.notes else []
        files = ", ".join(f"{name}.csv" for name in found)
        return "\n".join([*lines, "", f"in {self.study.plan.out}: {files}"])


def checked(conditions: Sequence[Condition]) -> list[Condition]:
    """The conditions, with the clean pass first.

    Raises:
        InputError: one that turns the head or spoils the whole picture, or none on the face.
    """
    conditions = list(dict.fromkeys([CLEAN, *conditions]))
    for condition in conditions:
        turned = condition.in_depth or condition.roll_deg or condition.corruption != "none"
        if turned:
            raise InputError(f"condition '{condition.name}': attention's shift is measured under "
                             "occluders alone, such as eyes-0.3-mean")
    if not covering(conditions):
        kinds = ", ".join(FACELESS)
        raise InputError(f"--conditions: none covers the face (beside {kinds}); add eyes-0.3-mean")
    return conditions


def planned(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    out: Path,
    *,
    conditions: Sequence[Condition] = tuple(DEFAULT),
    ran_lists: Path | None = None,
    causal_fills: tuple[str, ...] = CAUSAL_FILLS,
    **options,
) -> tuple[Evidence, RealShift | None, dict]:
    """What would be run in the folder `out`, the really occluded faces, and its description;
    nothing is written.

    Args:
        ran_lists: the lists of really occluded faces; the painted occluders that stand for their
            types are then added to the conditions.
        options: of `occlusion.run.planned`: seed, limit, batch_size, dtype, cameras.

    Raises:
        InputError: no model has attention, models of one label are trained differently, `out` holds
            another run, or the lists name none of these faces.
    """
    names = ", ".join(s.name for s in subjects)
    subjects, _ = readable(subjects)
    if not subjects:
        raise InputError(_nothing_to_measure(names))
    wanted = [*conditions, *(conditions_for_real() if ran_lists else [])]
    plan, described = bench.planned(subjects, dataset, checked(wanted), out, kind="shift",
                                    **options)
    study = ShiftStudy(plan, open_readers(list(subjects), plan.dataset), causal_fills)
    evidence = Evidence(study)
    if not evidence.judged():
        raise InputError(_nothing_to_measure(names))
    described["hypotheses"] = [repr(h) for h in HYPOTHESES]
    return evidence, RealShift(evidence, ran_lists) if ran_lists else None, described


def _nothing_to_measure(names: str) -> str:
    return (f"--models {names}: none has attention whose shift could be measured (a gate over "
            "channels alone, as SE's, has no places); add one such as iram")


def shift(*arguments, progress: bool = True, executor: Executor = HERE, **options) -> ShiftResults:
    """Runs, or finishes, the study in a folder, and writes its tables.

    Args:
        executor: who computes.
        arguments, options: of `planned`.

    Raises:
        InputError: as `planned`, or a folder that can't be written.
    """
    evidence, real, described = planned(*arguments, **options)
    store.write_run(evidence.study.plan.out, described)
    made = run(evidence.study, progress, executor)
    found = _tables(evidence, real, made)
    return ShiftResults(evidence.study, found, made, _notes(evidence, real, found["verdicts"]))


def _tables(evidence: Evidence, real: RealShift | None, made: int) -> dict[str, pd.DataFrame]:
    """The tables as they stand in the files: read if they are of exactly these cells and
    hypotheses, else made and written, and what they are of last: it says that all is there."""
    out = evidence.study.plan.out
    whole = _made_of(evidence, real)
    names = TABLES if real else [name for name in TABLES if not name.startswith("real")]
    if made or not store.is_whole(out, names, whole):
        found = _make(evidence, real)
        with store.finishing(out, whole):
            for name, table in found.items():
                store.write_table(out / f"{name}.csv", table)
    return {name: _read(out / f"{name}.csv") for name in names}


def _make(evidence: Evidence, real: RealShift | None) -> dict[str, pd.DataFrame]:
    seed = evidence.study.plan.seed
    verdicts, components = judge(evidence, real.assess if real else None, seed=seed)
    found = {"shift": tables.shift_table(evidence), "by_fill": fill_table(evidence),
             "interventions": tables.intervention_table(evidence),
             "mediation": mediation_table(evidence)}
    if real:
        found |= {"real": real.table(), "real_correlation": real.correlation()}
    return found | {"components": components, "verdicts": verdicts}


def _made_of(evidence: Evidence, real: RealShift | None) -> str:
    """What the tables depend on."""
    study = evidence.study
    cells = [study.key(r, c) for r in study.readers for c in study.plan.conditions]
    return store.cell_key(
        version=VERSION, cells=cells, hypotheses=[repr(h) for h in HYPOTHESES],
        trainings=[repr(r.training) for r in study.readers], seed=study.plan.seed,
        real=real.groups.faces.to_csv(index=False) if real else None,
    )


def _read(path: Path) -> pd.DataFrame:
    """A table as it was written: in columns of words nothing is an empty word, not a number."""
    table = store.read_table(path)
    words = [name for name in WORDS if name in table]
    table[words] = table[words].astype(object).fillna("")
    return table


def _notes(evidence: Evidence, real: RealShift | None, verdicts: pd.DataFrame) -> list[str]:
    lines = [*report.missing_lines(verdicts), *tables.notes(evidence)]
    return lines + (real.groups.problems if real else [])
