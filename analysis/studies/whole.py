"""The whole study as one call: occlusion, attribution and shift, one after the other.

Each part is what its own command runs, in a folder of its own, and is resumed as there; what was
finished is found again. Nets that were taught by erasing are measured under occlusion and in the
shift, those that learned random labels in the shift and, beside the net they are the control of, in
attribution's sanity checks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from analysis.engine import store
from analysis.engine.faces import of_all_faces
from analysis.engine.parallel import HERE, Executor
from analysis.engine.timing import duration
from analysis.stimuli.conditions import select
from analysis.studies import attribution as suite
from analysis.studies.attribution.estimate import estimate as suite_costs
from analysis.studies.attribution.methods import select as select_methods
from analysis.studies.attribution.report import essence as attribution_essence
from analysis.studies.occlusion import run as bench
from analysis.studies.occlusion.estimate import estimate
from analysis.studies.occlusion.report import essence as occlusion_essence
from analysis.studies.presets import Preset
from analysis.studies.shift import fills, report
from analysis.studies.shift import run as shifting
from analysis.studies.shift.estimate import seconds_left
from analysis.studies.shift.readers import Reader
from analysis.subjects import Subject
from analysis.subjects.roles import random_labels_of
from analysis.subjects.subject import in_fp32
from analysis.subjects.training import Training, training_of
from iram.data.dataset import FaceDataset

PACKAGES = ("torch", "captum", "numpy", "scipy", "pandas", "pyarrow", "matplotlib")


@dataclass(frozen=True)
class Outcome:
    """A finished stage.

    Attributes:
        lines: what it found, in short.
        record: what ran, for study.json.
        last: what is printed at the very end.
    """

    lines: Sequence[str]
    record: dict
    last: Sequence[str] = ()


@dataclass(frozen=True)
class Stage:
    """A part of the study.

    Attributes:
        name: of its folder.
        what: is run, in words.
        seconds: about how long that takes here, but for the tables and figures; 0: it is finished.
        run: does it.
    """

    name: str
    what: str
    seconds: float
    run: Callable[[], Outcome]

    def __str__(self) -> str:
        left = f"about {duration(self.seconds)} here" if self.seconds else "finished before"
        return f"{self.name:12s} {self.what}: {left}"


@dataclass(frozen=True)
class Whole:
    """What is studied, and how far.

    Attributes:
        preset: how much of each part.
        subjects: the models of occlusion and attribution.
        moved: those of the shift; the controls among them.
        cameras: (N, 2, 4) how each face stands in its picture, None: as the mean face.
        ran_lists: the lists of really occluded faces, None without.
        dtype: of occlusion and shift; attribution, whose maps are gradients and small differences
            of logits, is in fp32.
        backend: of the passes of occlusion and attribution; the shift reads and replaces attention.
        reference: what models are compared with under occlusion, None: the one without attention.
    """

    preset: Preset
    dataset: FaceDataset
    subjects: Sequence[Subject]
    moved: Sequence[Subject]
    out: Path
    cameras: Tensor | None = None
    ran_lists: Path | None = None
    seed: int = 0
    batch_size: int | None = 64
    dtype: str = "fp32"
    backend: str = "eager"
    executor: Executor = HERE
    progress: bool = True
    reference: str | None = None

    def trained(self, subjects: Sequence[Subject]) -> list[tuple[Subject, Training]]:
        return [(s, training_of(s)) for s in subjects]


def stages(study: Whole) -> list[Stage]:
    """The parts in order, each with what is left of it; nothing is written. Without a model
    whose attention can move there is no shift.

    Raises:
        InputError: a mistake in what is to be run, or a folder that holds another run.
    """
    parts = [_occlusion(study), _attribution(study)]
    moves = any(Reader(s, dataset=study.dataset).moves for s in study.moved)
    return [*parts, _shift(study)] if moves else parts


def finish(study: Whole, found: dict[str, Outcome], described: dict) -> dict:
    """Writes and returns study.json: what ran, on what, and the verdicts."""
    record = {
        **described,
        "data": {"spec": study.dataset.spec, "sha256": study.dataset.sha256,
                 "faces": len(study.dataset), "licence": study.dataset.licence},
        "seed": study.seed,
        "models": {s.name: s.weights_sha256 for s in [*study.subjects, *study.moved]},
        "parts": {name: outcome.record for name, outcome in found.items()},
        "versions": store.versions(*PACKAGES),
    }
    store.write_run(study.out, record, "study.json")
    return record


def _occlusion(study: Whole) -> Stage:
    preset = study.preset
    names = preset.heads_conditions if study.dataset.renders else preset.conditions
    subjects = [s for s, training in study.trained(study.subjects) if not training.random_labels]
    given = {
        "subjects": subjects, "dataset": study.dataset, "conditions": select(names),
        "out": study.out / "occlusion", "seed": study.seed, "limit": preset.faces,
        "batch_size": study.batch_size, "cameras": study.cameras, "reference": study.reference,
        "dtype": study.dtype, "backend": study.backend,
    }
    plan, _ = bench.planned(**given)
    left = estimate(plan)

    def run() -> Outcome:
        results = bench.benchmark(**given, progress=study.progress, executor=study.executor)
        lines = occlusion_essence(results.tables)
        if study.ran_lists:
            bench.report_real(results, study.ran_lists)
        record = {"faces": len(plan.dataset), "conditions": len(plan.conditions),
                  "models": [s.name for s in subjects]}
        return Outcome(lines, record)

    what = _what(plan.dataset, f"{len(plan.conditions)} conditions", subjects)
    return Stage("occlusion", what, left.seconds if left.passes else 0.0, run)


def _attribution(study: Whole) -> Stage:
    preset, trained = study.preset, study.trained(study.subjects)
    subjects = [in_fp32(s) for s, training in trained if not training.is_control]
    randomised = random_labels_of(subjects, [in_fp32(s) for s in study.subjects])
    given = {
        "subjects": subjects, "dataset": study.dataset,
        "methods": select_methods(preset.methods), "out": study.out / "attribution",
        "seed": study.seed, "limit": preset.explained, "cameras": study.cameras,
        "sizes": preset.sizes, "randomised": randomised, "backend": study.backend,
    }
    plan, _ = suite.planned(**given)

    def run() -> Outcome:
        findings = suite.attribution_suite(
            **given, progress=study.progress, executor=study.executor
        )
        record = {"faces": len(plan.dataset), "methods": list(plan.methods),
                  "faces_of": vars(plan.sizes), "models": [s.name for s in subjects],
                  "random_labels": {k: s.name for k, s in randomised.items()}}
        return Outcome(attribution_essence(findings.tables), record)

    what = _what(plan.dataset, f"{len(plan.methods)} methods", subjects)
    return Stage("attribution", what, sum(cost.seconds for cost in suite_costs(plan)), run)


def _shift(study: Whole) -> Stage:
    preset, chosen = study.preset, study.preset.shift_conditions
    conditions = shifting.DEFAULT if chosen == "default" else select(chosen)
    given = {
        "subjects": study.moved, "dataset": study.dataset, "out": study.out / "shift",
        "conditions": conditions, "ran_lists": study.ran_lists, "seed": study.seed,
        "limit": preset.moved, "batch_size": study.batch_size, "cameras": study.cameras,
        "dtype": study.dtype,
        "backend": "eager" if study.backend == "eager" else "auto",  # what it can have
    }
    planned, _ = shifting.planned(**given)
    plan = planned.plan

    def run() -> Outcome:
        results = shifting.shift(**given, progress=study.progress, executor=study.executor)
        table = of_all_faces(results.tables["verdicts"])
        verdicts = {model: dict(zip(own["hypothesis"], own["verdict"], strict=True))
                    for model, own in table.groupby("model", sort=False)}
        record = {"faces": len(plan.dataset), "conditions": len(plan.conditions),
                  "models": [s.name for s in study.moved], "verdicts": verdicts}
        by_fill = of_all_faces(results.tables["by_fill"])
        lines = [line.lstrip("\n") for line in fills.fill_lines(by_fill)]
        lines += results.notes
        return Outcome(lines, record, list(report.verdict_table(table)))

    what = _what(plan.dataset, f"{len(plan.conditions)} conditions", study.moved)
    return Stage("shift", what, seconds_left(planned), run)


def _what(dataset: FaceDataset, how: str, subjects: Sequence[Subject]) -> str:
    return f"{len(dataset):,} faces, {how}, {len(subjects)} models"
