"""How long a benchmark will take here, measured on a few batches before anything is run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.engine.cells import Cell, cost, missing
from analysis.engine.parallel import HERE
from analysis.engine.timing import duration, fastest
from analysis.studies.occlusion.plan import Benchmark
from iram.threads import one_thread

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
    tasks, own = missing(benchmark)[0], Counter()
    for subject, _, part in (cell.of for task in tasks for cell in task):
        own[subject.name] += part.stop - part.start
    left, whole = cost(tasks), cost(benchmark.cells())
    size, timed = benchmark.batch_size, tasks[:: max(1, len(tasks) // SAMPLED)]
    with one_thread():
        seconds = sum(
            own[subject.name] / size * _forward(benchmark, subject)
            for subject in benchmark.subjects if own[subject.name]
        )
        if timed:
            making = sum(_making(benchmark, task) for task in timed) / len(timed)
            seconds += sum(task[0].cost for task in tasks) / size * making
    return Estimate(left, whole - left, seconds / HERE.count)


def _forward(benchmark: Benchmark, subject) -> float:
    """Seconds for a batch."""
    images = benchmark.seen_by(subject).images(_batch(benchmark))
    return fastest(lambda: subject.logits(images)) * benchmark.batch_size / len(images)


def _making(benchmark: Benchmark, task: Sequence[Cell]) -> float:
    """Seconds for a batch of the task's pictures."""
    part, conditions = _batch(benchmark), list(dict.fromkeys(cell.of[1] for cell in task))

    def make() -> None:
        first = benchmark.perturbed(conditions[0], part)
        for condition in conditions:
            first.under(condition).pictures  # noqa: B018

    return fastest(make) * benchmark.batch_size / (part.stop - part.start)


def _batch(benchmark: Benchmark) -> slice:
    return slice(0, min(benchmark.batch_size, len(benchmark.dataset)))
