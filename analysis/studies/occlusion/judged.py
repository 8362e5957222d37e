"""What the models' answers to the clean faces of a benchmark say of the models."""

import torch

from analysis.engine.sampling import sampled
from analysis.stimuli.conditions import CLEAN
from analysis.studies.occlusion.plan import Benchmark
from analysis.subjects import Subject
from analysis.subjects.judgement import Judgement, judge
from analysis.subjects.outside import OutsideModel
from analysis.subjects.scale import another_range

FACES = 256  # that other ranges of pictures are tried on


def judged(benchmark: Benchmark, subject: Subject) -> Judgement:
    """A model's judgement, by its rows of the clean faces."""
    rows = benchmark.rows(subject, CLEAN)
    own = (rows[name].to_numpy(int) for name in ("prediction", "label"))
    return judge(*own, benchmark.dataset.classes)


def hints(benchmark: Benchmark) -> list[str]:
    """A line per thing that is the matter with a model of a finished benchmark. One from outside
    that is marked is also shown the faces in other ranges of pictures."""
    lines = []
    for subject in benchmark.subjects:
        found = judged(benchmark, subject)
        told = [*found.hints, *([_range(benchmark, subject)] if found.mark else [])]
        lines += [f"{subject.name}: {one}" for one in told if one]
    return ["is what is said of these models right?", *lines] if lines else []


def _range(benchmark: Benchmark, subject: Subject) -> str:
    if not isinstance(subject.model, OutsideModel):
        return ""
    data = benchmark.seen_by(subject)
    chosen = torch.from_numpy(sampled(len(data), FACES, benchmark.seed))
    chosen = chosen[torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))]
    return another_range(subject.model, data.images(chosen.numpy()), data.labels[chosen],
                         subject.columns)
