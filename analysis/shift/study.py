"""The whole study as one call: run what is missing, then the tables and the verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis import bench, store
from analysis.shift import report, tables
from analysis.shift.evidence import Evidence
from analysis.shift.hypotheses import HYPOTHESES
from analysis.shift.places import FACELESS, covering
from analysis.shift.readers import open_readers, readable
from analysis.shift.real import RealShift, conditions_for_real
from analysis.shift.run import CAUSAL_FILLS, ShiftStudy, run
from analysis.shift.verdicts import judge
from analysis.study import CLEAN, Condition, occlusion
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset
from iram.errors import InputError

FILLS = ("mean", "noise", "phase_scrambled", "other_class")
DEFAULT = [
    CLEAN,
    *occlusion(("eyes", "mouth", "lower_half", "upper_half", "box", "sham"), (0.3,), FILLS),
    *(Condition(name, None, "object") for name in ("sunglasses", "surgical_mask")),
]


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
                 "conditions"]  # fmt: skip
        lines += report.verdict_lines(found["verdicts"], found["components"])
        models = [r.name for r in self.study.readers if r.has_attention and not r.permuted]
        lines += report.layer_lines(found["shift"], models)
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
                             "occluders alone, such as eyes-0.3-mean")  # fmt: skip
    if not covering(conditions):
        kinds = ", ".join(FACELESS)
        raise InputError(f"--conditions: none covers the face (beside {kinds}); add eyes-0.3-mean")
    return conditions


def shift(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    out: Path,
    *,
    conditions: Sequence[Condition] = tuple(DEFAULT),
    ran_lists: Path | None = None,
    causal_fills: tuple[str, ...] = CAUSAL_FILLS,
    progress: bool = True,
    **options,
) -> ShiftResults:
    """Runs, or finishes, the study in the folder `out`, and writes its tables.

    Args:
        ran_lists: the lists of really occluded faces; the painted occluders that stand for their
            types are then added to the conditions.
        options: of `analysis.bench.planned`: seed, limit, batch_size, dtype, cameras.

    Raises:
        InputError: no model has attention, `out` holds another run or can't be written, or the
            lists name none of these faces.
    """
    names = ", ".join(s.name for s in subjects)
    subjects, told = readable(subjects)
    for line in told:
        print(line, flush=True)
    if not subjects:
        raise InputError(_nothing_to_measure(names))
    wanted = [*conditions, *(conditions_for_real() if ran_lists else [])]
    plan, described = bench.planned(subjects, dataset, checked(wanted), Path(out), **options)
    study = ShiftStudy(plan, open_readers(list(subjects), plan.dataset), causal_fills)
    evidence = Evidence(study)
    if not evidence.judged():
        raise InputError(_nothing_to_measure(names))
    real = RealShift(evidence, ran_lists) if ran_lists else None  # mistakes before a long run
    described["hypotheses"] = [repr(h) for h in HYPOTHESES]
    store.write_run(plan.out, described)
    made = run(study, progress)
    return ShiftResults(study, _write(evidence, real), made, _notes(evidence, real))


def _nothing_to_measure(names: str) -> str:
    return (f"--models {names}: none has attention whose shift could be measured; add one such as "
            "iram")  # fmt: skip


def _write(evidence: Evidence, real: RealShift | None) -> dict[str, pd.DataFrame]:
    """The tables, written; the verdicts last: they say that all is there."""
    plan = evidence.study.plan
    verdicts, components = judge(evidence, real.assess if real else None, seed=plan.seed)
    found = {"shift": tables.shift_table(evidence),
             "interventions": tables.intervention_table(evidence)}  # fmt: skip
    if real:
        found |= {"real": real.table(), "real_correlation": real.correlation()}
    found |= {"components": components, "verdicts": verdicts}
    for name, table in found.items():
        store.write_table(plan.out / f"{name}.csv", table)
    return found


def _notes(evidence: Evidence, real: RealShift | None) -> list[str]:
    lines = [*report.missing_lines(evidence), *tables.notes(evidence)]
    return lines + (real.groups.problems if real else [])
