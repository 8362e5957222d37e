"""The calibration as one call: run what is missing, count, report."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from analysis.engine.parallel import HERE, Executor
from analysis.engine.run import Result, Study, finish
from analysis.studies.calibration import rates
from analysis.studies.calibration.plan import (
    CONDITIONS,
    Calibration,
    Design,
    PlantedStudy,
    compute,
    planted_subjects,
)
from analysis.studies.calibration.planted import PLANTED
from analysis.studies.occlusion import run as bench
from analysis.studies.shift.readers import open_readers
from analysis.subjects.hypotheses import HYPOTHESES
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.registry import unknown

DESIGN = Design()


class Rates(Study):
    """The tables of a calibration."""

    compute, version, names = staticmethod(compute), 2, ("rates", "bounds")

    def tables(self) -> dict[str, pd.DataFrame]:
        found = rates.rates_table(self.plan)
        return {"rates": found, "bounds": rates.bounds_table(found)}

    def made_of(self) -> dict:
        return {"design": asdict(self.plan.design)}

    def lines(self, tables: Mapping[str, pd.DataFrame]) -> Iterable[str]:
        design, faces = self.plan.design, self.plan.dataset
        nulls = {PLANTED.about(net).null for net in design.nets}
        told = [f"{design.nulls} of each null"] * (True in nulls)
        told = [f"{design.studies} of each planted net"] * (False in nulls) + told
        of = "rendered heads" if faces.renders else f"faces of {faces.name}"
        told = [f"\nstudies: {', '.join(told)}; each of {design.faces} faces of {len(faces)} {of}, "
                f"of {design.pool} training seeds of each net"]
        return told + list(rates.lines(tables["rates"], tables["bounds"]))


def planned(
    dataset: FaceDataset, out: Path, design: Design = DESIGN, *, seed: int = 0,
    batch_size: int | None = None,
) -> tuple[Calibration, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Args:
        dataset: the faces that the planted nets know; each study draws of them.
        batch_size: None takes the one that `out` was begun with, or all faces at once.

    Raises:
        InputError: a design that can't be, or `out` holds another run.
    """
    _check(design, len(dataset))
    subjects = planted_subjects(dataset, design)
    plan, run = bench.planned(subjects, dataset, CONDITIONS, out, kind="calibrate", seed=seed,
                              batch_size=batch_size or len(dataset))
    run |= {"hypotheses": [repr(h) for h in HYPOTHESES], "design": asdict(design)}
    del run["models"], run["answers"]  # each is known by its kind and seed
    study = PlantedStudy(plan, open_readers(list(subjects), plan.dataset))
    return Calibration(study, design), run


def _check(design: Design, faces: int) -> None:
    judged = PLANTED.where(judged=True)
    for net in design.nets:
        if net not in judged:
            raise InputError(f"--nets: {unknown('planted net', net, judged)}")
    if not design.nets:
        raise InputError("--nets: at least one planted net is needed, such as avoids")
    if min(design.studies, design.nulls) < 1:
        raise InputError(f"--studies {design.studies}, --nulls {design.nulls}: at least one study "
                         "of each net is needed")
    if design.pool < 4 or design.pool % 4:
        raise InputError(f"--pool {design.pool}: write a multiple of 4, such as 16: training seeds "
                         "come in pairs, and controls are of other seeds than their net")
    if not design.seeds or min(design.seeds) < 2:
        raise InputError(f"--seeds {','.join(map(str, design.seeds))}: a study of one training "
                         "seed decides nothing; write numbers from 2 on, such as 3,5")
    if not 2 <= design.faces <= faces:
        raise InputError(f"--faces {design.faces}: write 2 to {faces}, the number of faces of "
                         "--data")


def calibrate(*arguments, progress: bool = True, executor: Executor = HERE, **options) -> Result:
    """Runs, or finishes, the calibration in a folder, and writes its tables.

    Args:
        executor: who computes; the results are the same.
        arguments, options: of `planned`.

    Raises:
        InputError: as `planned`, or a folder that can't be written.
    """
    plan, run = planned(*arguments, **options)
    return finish(Rates(plan), run, progress, executor)
