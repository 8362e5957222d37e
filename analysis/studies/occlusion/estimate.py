"""How long a benchmark will take here, measured on a few batches before anything is run."""

from collections import Counter
from dataclasses import dataclass

from analysis.engine.parallel import HERE, one_thread
from analysis.engine.timing import duration, fastest
from analysis.studies.occlusion.engine import Group, missing, passes, perturbed
from analysis.studies.occlusion.plan import Benchmark

SAMPLED = 24  # tasks whose making is timed


@dataclass(frozen=True)
class Estimate:
    """What a run costs.

    Attributes:
        passes: forward passes of one picture that are still to be made.
        finished: how many were made before.
        seconds: about how long they take on the cores of this machine, with the making of the
            pictures.
    """

    passes: int
    finished: int
    seconds: float

    def __str__(self) -> str:
        before = f" ({self.finished:,} finished before)" if self.finished else ""
        return f"{self.passes:,} forward passes{before}, about {duration(self.seconds)} here"


def estimate(benchmark: Benchmark) -> Estimate:
    """The cost of what is not finished, from one batch of some of the conditions."""
    tasks, own = list(missing(benchmark)), Counter()
    for task in tasks:
        for subject in (subject for _, subjects in task.group for subject in subjects):
            own[subject.name] += task.part.stop - task.part.start
    left = sum(map(passes, tasks))
    done = len(benchmark.subjects) * len(benchmark.conditions) * len(benchmark.dataset) - left
    size, timed = benchmark.batch_size, tasks[:: max(1, len(tasks) // SAMPLED)]
    with one_thread():
        seconds = sum(
            own[subject.name] / size * _forward(benchmark, subject)
            for subject in benchmark.subjects if own[subject.name]
        )
        if timed:
            making = sum(_making(benchmark, task.group) for task in timed) / len(timed)
            seconds += sum(t.part.stop - t.part.start for t in tasks) / size * making
    return Estimate(left, done, seconds / HERE.count)


def _forward(benchmark: Benchmark, subject) -> float:
    """Seconds for a batch."""
    images = benchmark.dataset.images(_batch(benchmark))
    return fastest(lambda: subject.logits(images)) * benchmark.batch_size / len(images)


def _making(benchmark: Benchmark, group: Group) -> float:
    """Seconds for a batch of the group's pictures."""
    part = _batch(benchmark)
    conditions = [condition for condition, _ in group]
    seconds = fastest(lambda: [None for _ in perturbed(benchmark, conditions, part).pictures])
    return seconds * benchmark.batch_size / (part.stop - part.start)


def _batch(benchmark: Benchmark) -> slice:
    return slice(0, min(benchmark.batch_size, len(benchmark.dataset)))
