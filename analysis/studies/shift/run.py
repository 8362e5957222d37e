"""The whole study as one call: run what is missing, then the tables and the verdicts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.engine.faces import FACES, of_all_faces, said_of
from analysis.engine.parallel import HERE, Executor
from analysis.engine.run import Result, Study, finish
from analysis.stimuli.conditions import CLEAN, Condition, occlusion
from analysis.studies.occlusion import run as bench
from analysis.studies.occlusion.real.faces import real_groups
from analysis.studies.shift import report, tables
from analysis.studies.shift.authority import authority_lines, authority_table, in_words
from analysis.studies.shift.engine import compute
from analysis.studies.shift.evidence import Evidence
from analysis.studies.shift.fills import fill_lines, fill_table
from analysis.studies.shift.judging import judge
from analysis.studies.shift.mediation import mediation_lines, mediation_table
from analysis.studies.shift.multiverse import multiverse_lines, multiverse_table
from analysis.studies.shift.places import FACELESS, covering
from analysis.studies.shift.plan import CAUSAL_FILLS, ShiftStudy
from analysis.studies.shift.readers import open_readers, readable
from analysis.studies.shift.real import RealShift, real_study
from analysis.studies.shift.verdicts import component_table, seed_table, strata_table, verdict_table
from analysis.subjects import Subject
from analysis.subjects.hypotheses import HYPOTHESES
from iram.data.dataset import FaceDataset
from iram.errors import InputError

FILLS = ("mean", "noise", "texture", "phase_scrambled", "other_class")
DEFAULT = [
    CLEAN,
    *occlusion(("eyes", "mouth", "lower_half", "upper_half", "box", "sham"), (0.3,), FILLS),
    *(Condition(name, None, "object") for name in ("sunglasses", "surgical_mask")),
]

TABLES = ("shift", "by_fill", "interventions", "mediation", "authority", "multiverse", "real",
          "real_correlation", "components", "strata", "seeds", "verdicts")


class Shift(Study):
    """The tables and verdicts of a shift study."""

    pictures = ("attention_shift",)
    compute, version = staticmethod(compute), 6
    words = ("reason", "note", "controls_passed", "controls_failed", "not_tested",
             "missing_weights", "presupposes", "holds_under", "this_net", "needed_seeds",
             "authority")

    def __init__(self, plan: ShiftStudy):
        super().__init__(plan)
        self.evidence = Evidence(plan)

    @property
    def names(self) -> Sequence[str]:
        return [name for name in TABLES if self.plan.real or not name.startswith("real")]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Of each group of faces (`analysis.engine.faces`) one after the other."""
        parts = [self._of_faces(part) for part in self.evidence.on_groups()]
        return {name: pd.concat([part[name] for part in parts], ignore_index=True)
                for name in self.names}

    def _of_faces(self, evidence: Evidence) -> dict[str, pd.DataFrame]:
        real = RealShift(evidence.of_real()) if self.plan.real else None
        judged = judge(evidence, real.assess if real else None)
        found = {"shift": tables.shift_table(evidence), "by_fill": fill_table(evidence),
                 "interventions": tables.intervention_table(evidence),
                 "mediation": mediation_table(evidence), "authority": authority_table(evidence),
                 "multiverse": multiverse_table(evidence)}
        given = evidence, judged, real.assess if real else None
        found |= {"components": component_table(evidence, judged),
                  "strata": strata_table(*given), "seeds": seed_table(evidence, judged),
                  "verdicts": verdict_table(*given, in_words(found["authority"]))}
        for table in found.values():
            table.insert(1, FACES, evidence.faces)
        if real:  # which say already whether turned faces count
            for name, table in (("real", real.table()), ("real_correlation", real.correlation())):
                table[FACES] = [said_of(faces, evidence.faces) for faces in table[FACES]]
                found[name] = table
        return found

    def made_of(self) -> dict:
        groups = self.plan.real and self.plan.real.groups
        return {
            "hypotheses": [repr(h) for h in HYPOTHESES], "seed": self.plan.seed,
            "trainings": [repr(r.training) for r in self.plan.readers],
            "real": groups.faces.to_csv(index=False) if groups else None,
        }

    def notes(self, found: Mapping[str, pd.DataFrame]) -> list[str]:
        verdicts = of_all_faces(found["verdicts"])
        lines = [*report.missing_lines(verdicts), *tables.notes(self.evidence)]
        return lines + (self.plan.real.groups.problems if self.plan.real else [])

    def lines(self, found: Mapping[str, pd.DataFrame]) -> list[str]:
        dataset, every = self.plan.dataset, found["verdicts"]
        found = {name: of_all_faces(table) for name, table in found.items()}
        lines = [f"\n{dataset.name}: {len(dataset)} faces, {len(self.plan.plan.conditions)} "
                 "conditions"]
        lines += authority_lines(found["authority"])
        lines += report.verdict_lines(found["verdicts"], found["strata"])
        lines += report.copies_lines(every)
        lines += fill_lines(found["by_fill"])
        lines += mediation_lines(found["mediation"])
        lines += multiverse_lines(found["multiverse"])
        if "real" in found:
            lines += report.real_lines(found["real"], found["real_correlation"], [])
        return lines


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
    permuted: bool = True,
    **options,
) -> tuple[ShiftStudy, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Args:
        ran_lists: the lists of really occluded faces, all of which are then studied, whatever
            `limit` is, beside those of the run that are in no list.
        permuted: with nets whose weights are permuted, which H2a asks for.
        options: of `occlusion.run.planned`: seed, limit, batch_size, dtype, backend,
            cameras. Attention is read and replaced, so nets run as written, or folded.

    Raises:
        InputError: no model has attention, models of one label are trained differently, `out` holds
            another run, or the lists name none of these faces.
    """
    names = ", ".join(s.name for s in subjects)
    subjects, _ = readable(subjects)
    if not subjects:
        raise InputError(_nothing_to_measure(names))
    plan, described = bench.planned(subjects, dataset, checked(conditions), out, kind="shift",
                                    offered=("eager", "folded"), **options)
    readers = open_readers(list(plan.subjects), plan.dataset, permuted)
    real = None
    if ran_lists:
        real = real_study(plan, readers, dataset, real_groups(dataset, ran_lists),
                          options.get("cameras"))
    study = ShiftStudy(plan, readers, causal_fills, real=real)
    if not Evidence(study).judged():
        raise InputError(_nothing_to_measure(names))
    described["hypotheses"] = [repr(h) for h in HYPOTHESES]
    return study, described


def _nothing_to_measure(names: str) -> str:
    return (f"--models {names}: none has attention whose shift could be measured (a gate over "
            "channels alone, as SE's, has no places): add one such as iram, or name the attention "
            "of a net from outside under [attention] in its description (docs/own-models.md)")


def shift(*arguments, progress: bool = True, executor: Executor = HERE, **options) -> Result:
    """Runs, or finishes, the study in a folder, and writes its tables.

    Args:
        executor: who computes.
        arguments, options: of `planned`.

    Raises:
        InputError: as `planned`, or a folder that can't be written.
    """
    study, run = planned(*arguments, **options)
    return finish(Shift(study), run, progress, executor)
