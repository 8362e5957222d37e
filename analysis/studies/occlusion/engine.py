"""The benchmark's loop: (model x condition x image) -> rows, one cell (model, condition) a file.

Conditions that cover the same places are run together: the occluder is placed once per batch, and
each perturbed picture is shown to every model that still lacks the cell. Of many faces a cell has a
file for each block of them, so neither memory nor what an interruption loses grows with their
number.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.engine.parallel import HERE, Executor, shared
from analysis.engine.store import write_cell
from analysis.stimuli.conditions import Condition
from analysis.stimuli.layout import FaceLayout
from analysis.stimuli.occluders import occlusion_fraction
from analysis.stimuli.perturb import cover_faces, finish, pose
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.rows import rows_of
from analysis.subjects import Subject
from iram.progress import progress_bar

TOGETHER = 6  # conditions of a group at most: an interruption loses one group


Group = list[tuple[Condition, list[Subject]]]


class Task(NamedTuple):
    """What a worker computes at a time.

    Attributes:
        part: which faces.
        group: conditions of the same place, each with the models that lack it.
    """

    part: slice
    group: Group


def run(benchmark: Benchmark, progress: bool = True, executor: Executor = HERE) -> int:
    """Computes the cells that are missing; returns how many these were.

    A cell is written when it is whole, so an interruption loses a few conditions at most.

    Args:
        executor: who computes; the rows are the same.

    Raises:
        InputError: a folder that can't be written, a model whose logits are not numbers, or
            workers that can't be had.
    """
    tasks = list(missing(benchmark))
    faces = len(benchmark.subjects) * len(benchmark.conditions) * len(benchmark.dataset)
    done = faces - sum(map(passes, tasks))
    with progress_bar(
        shown=progress, total=faces, initial=done, unit="face", unit_scale=True
    ) as bar:
        for _ in shared(compute, benchmark, tasks, executor, bar.update):
            pass
    return len({(c, s.name) for task in tasks for c, subjects in task.group for s in subjects})


def missing(benchmark: Benchmark) -> Iterator[Task]:
    """What is not finished."""
    places = {}
    for condition in benchmark.conditions:
        places.setdefault(condition.place, []).append(condition)
    for part in benchmark.blocks:
        for alike in places.values():
            lacking = [
                (c, [s for s in benchmark.subjects if benchmark.block_rows(s, c, part) is None])
                for c in alike
            ]
            lacking = [(condition, subjects) for condition, subjects in lacking if subjects]
            for start in range(0, len(lacking), TOGETHER):
                yield Task(part, lacking[start : start + TOGETHER])


def passes(task: Task) -> int:
    """Forward passes of one picture."""
    return (task.part.stop - task.part.start) * sum(len(subjects) for _, subjects in task.group)


class Perturbed(NamedTuple):
    """A batch under conditions of one place.

    Attributes:
        pictures: of each condition in turn, (N, 1, S, S), made when they are asked for.
        fractions: (3, N) what is occluded of the face, what is painted of the picture, and what
            of the face the head itself hides.
    """

    pictures: Iterator[Tensor]
    fractions: Tensor


def perturbed(benchmark: Benchmark, conditions: Sequence[Condition], part: slice) -> Perturbed:
    """The faces of `part` under conditions of the same place, which is found once."""
    dataset, place = benchmark.dataset, conditions[0]
    ids = dataset.metadata["image_id"].iloc[part].tolist()
    posed = pose(dataset, part, place)
    layout = benchmark.layout(place, part)
    covered = cover_faces(layout, place, ids, benchmark.seed)
    pictures = (
        finish(posed.images, covered, condition, ids, benchmark.seed, dataset, part)
        for condition in conditions
    )
    return Perturbed(pictures, _fractions(posed, covered, layout))


def compute(benchmark: Benchmark, task: Task, advance: Callable[[int], None]) -> int:
    """Computes and writes the files of a task; returns how many faces were shown to models.

    Args:
        advance: called with the number of faces after every forward pass.
    """
    faces, group = task
    conditions = [condition for condition, _ in group]
    logits = {(c, s.name): [] for c, subjects in group for s in subjects}
    fractions = []
    for start in range(faces.start, faces.stop, benchmark.batch_size):
        part = slice(start, min(start + benchmark.batch_size, faces.stop))
        batch = perturbed(benchmark, conditions, part)
        fractions.append(batch.fractions)
        for (condition, subjects), images in zip(group, batch.pictures, strict=True):
            for subject in subjects:
                logits[condition, subject.name].append(subject.logits(images))
                advance(len(images))
    shares = torch.cat(fractions, 1)
    for condition, subjects in group:
        for subject in subjects:
            answers = torch.cat(logits[condition, subject.name])
            table = rows_of(benchmark.dataset, faces, condition, subject, answers, shares)
            key = benchmark.key(subject, condition, faces)
            write_cell(benchmark.path(subject, condition, faces), table, key)
    return passes(task)


def _fractions(posed, covered, layout: FaceLayout) -> Tensor:
    """(3, N): what is occluded of the face, what is painted of the picture, what hides itself."""
    count = len(posed.images)
    shares = (occlusion_fraction(covered.mask, layout), covered.mask.float().mean((1, 2)))
    return torch.stack([*(s.expand(count) for s in shares), posed.self_occlusion_fraction])
