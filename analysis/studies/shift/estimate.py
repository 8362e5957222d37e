"""How long the study of the shift will take here, measured on one batch before anything is run."""

from collections.abc import Sequence

from analysis.engine.cells import Cell, missing
from analysis.engine.parallel import HERE
from analysis.engine.timing import fastest
from analysis.studies.shift.describe import compare
from analysis.studies.shift.places import regions_of
from analysis.studies.shift.plan import ShiftStudy
from analysis.studies.shift.readers import Reader
from iram.threads import one_thread


def seconds_left(study: ShiftStudy) -> float:
    """Seconds for what is not finished on the cores of this machine, but for the tables; 0 if all
    is there."""
    with one_thread():
        parts = zip((study, study.real), missing(study), strict=False)
        return sum(_seconds(part, tasks) for part, tasks in parts if tasks) / HERE.count


def _seconds(study: ShiftStudy, tasks: Sequence[Sequence[Cell]]) -> float:
    """Of one worker."""
    plan = study.plan
    part = slice(0, min(plan.batch_size, len(plan.dataset)))
    whole = slice(0, len(plan.dataset))
    batches = whole.stop / part.stop
    readers = {r.name: r for task in tasks for r in (cell.of[0] for cell in task)}
    places = study.places(part)
    labels = plan.dataset.labels[part]
    images = {name: places.images(r.subject.channels) for name, r in readers.items()}
    passing = {name: fastest(lambda r=r: r.read(images[r.name])) for name, r in readers.items()}
    reading = {name: fastest(lambda r=r: r.read(images[r.name], labels))
               for name, r in readers.items()}
    comparing = {name: _comparing(study, reader, places) for name, reader in readers.items()}
    seconds = 0.0
    for task in tasks:
        conditions = list(dict.fromkeys(cell.of[1] for cell in task))
        seconds += fastest(lambda c=conditions: study.places(part).pictures(c), repeats=1)
        for name in {cell.of[0].name for cell in task}:
            seconds += reading[name]  # the clean faces, once for the task
        for r, condition in (cell.of[:2] for cell in task):
            regions = len(regions_of(condition, plan.conditions))
            replaced = study.passes(r, condition, whole) / len(plan.dataset) - 1
            one = reading[r.name] + replaced * passing[r.name] + regions * comparing[r.name]
            seconds += one * r.count * r.faces / len(plan.dataset)
    return seconds * batches


def _comparing(study: ShiftStudy, reader: Reader, places) -> float:
    """Seconds for the measures of one region of a batch."""
    covering = [c for c in study.plan.conditions if len(regions_of(c, study.plan.conditions)) == 1]
    regions = regions_of(covering[0], study.plan.conditions)
    reading = reader.read(places.images(reader.subject.channels))
    return fastest(lambda: compare(places, regions, reading, reading))
