"""The three studies from Python, each as one call: `analysis.benchmark`, `analysis.shift` and
`analysis.attribution_suite`.

What they run is what `iram bench`, `iram shift` and `iram attribute` run: the commands take what is
to be run from the same functions (`analysis.studies.arguments`).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analysis.engine.run import Result
from analysis.engine.store import read_table
from analysis.studies import inputs
from analysis.studies.arguments import (
    Conditions,
    attribution_arguments,
    benchmark_arguments,
    shift_arguments,
)
from analysis.studies.attribution import run as attributing
from analysis.studies.inputs import Data, Folder
from analysis.studies.occlusion import run as occluding
from analysis.studies.occlusion.real.faces import real_groups
from analysis.studies.shift import run as shifting
from analysis.subjects.opening import Models


def benchmark(
    data: Data,
    models: Models,
    conditions: Conditions = "default",
    *,
    out: Folder | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    placement: str = "landmarks",
    landmarks: Folder | None = None,
    ran_lists: Folder | None = None,
    reference: str | None = None,
    batch_size: int | None = None,
    dtype: str = "auto",
    backend: str = "auto",
    device: str = "auto",
    executor: str = "threads",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
) -> Result:
    """What occlusion, corruption and head pose cost each model; as `iram bench`.

    Args:
        data: a FaceDataset, or a specification such as "fer2013:PATH" or "heads:n=700".
        models: names of shipped weights, files (as of `--models`), subjects, or a list of them.
        conditions: presets, occluders and names such as "eyes-0.3-mean", Condition objects, or a
            list of them; the clean pass is always among them.
        out: the folder of the run; a run that stands in it is gone on with. None makes one among
            the temporary files: `result.plan.out`.
        split: of the data; None is the test split of a specification, all of a FaceDataset.
        limit: only so many random faces.
        seed: of places, noise and intervals.
        placement: of occluders: by the "landmarks" of each face where they are known, or as on the
            "mean" face.
        landmarks: their file (.npz), from `iram landmarks`.
        ran_lists: the folder of the lists of really occluded faces; adds the tables real,
            real_synthetic, real_correlation and real_modules.
        reference: the model that the others are compared with, by its name or, for all its training
            seeds, its label; None is the one without attention.
        batch_size: pictures at a time, 1 to 65536; None measures the fastest once.
        dtype: arithmetic of the models, "fp32" or "bf16"; "auto" is bf16 where the device computes
            it natively, else fp32, and what `out` was begun with if that is gone on with.
        backend: what makes the passes: "eager", "folded" (batch norms in the convolutions),
            "compile" (torch's compiler) or "onnxruntime" (in fp32); "auto" is the fastest of them
            here where the run is long, and what `out` was begun with.
        device: "auto", "cpu" or "cuda", for models that are named; a Subject has its own.
        executor, workers, scheduler: "threads", "processes" or "dask", how many (None: one a core),
            and the address of Dask's scheduler.
        progress: whether a bar is shown.

    Returns:
        Tables with 95% bootstrap intervals (low, high): summary, occluders, curves, robustness,
        importance, worst, modules and poses, as `iram bench --help` describes them; accuracies and
        drops are shares, 0 to 1. `made` cells were computed now; `report()` says it in words.

    Raises:
        InputError: what is wrong with the data, a model, a condition or another argument, or a
            folder that holds another run.

    Examples:
        >>> from analysis import benchmark
        >>> result = benchmark("heads:n=70", "iram-heads,none-heads", "eyes-0.3-mean,box-0.3-mean",
        ...                    split="all", limit=8, batch_size=8, dtype="fp32",
        ...                    progress=False)
        dtype: fp32 (asked for)
        occluders: placed by the landmarks of 70 of 70 faces
        >>> drops = result.tables["occluders"]
        >>> sorted(set(drops["model"]))
        ['iram-heads-seed0', 'none-heads-seed0']
        >>> result.made
        6
    """
    arguments = benchmark_arguments(
        data, models, conditions, out=out, split=split, limit=limit, seed=seed,
        placement=placement, landmarks=landmarks, batch_size=batch_size, dtype=dtype,
        device=device, reference=reference, backend=backend,
    )
    if ran_lists is not None:  # mistakes in the lists should not wait for a long run
        real_groups(arguments["dataset"], Path(ran_lists))
    result = occluding.benchmark(
        **arguments, progress=progress, executor=inputs.executor(executor, workers, scheduler))
    if ran_lists is None:
        return result
    occluding.report_real(result, Path(ran_lists))
    real = {Path(file).stem: read_table(result.plan.out / file)
            for file in occluding.REAL_FILES.values()}
    return replace(result, tables={**result.tables, **real})


def shift(
    data: Data,
    models: Models,
    conditions: Conditions = "default",
    *,
    out: Folder | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    placement: str = "landmarks",
    landmarks: Folder | None = None,
    ran_lists: Folder | None = None,
    permuted: bool = True,
    batch_size: int | None = None,
    dtype: str = "auto",
    backend: str = "auto",
    device: str = "auto",
    executor: str = "threads",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
) -> Result:
    """Does attention leave what is covered, is it learned, and does it help? As `iram shift`.

    Args:
        models: as of `benchmark`, the controls of a model among them (they are known by their
            cards, or their names); a shipped name without a seed is all its seeds.
        conditions: as of `benchmark`, occluders alone; "default" are those that `iram shift --help`
            names.
        ran_lists: adds the tables real and real_correlation.
        permuted: with nets whose weights are permuted; without them H2a is not tested, and the run
            is about half as long.
        data, out, split, limit, seed, placement, landmarks: as of `benchmark`.
        backend: "eager", "folded" or "auto": attention is read and replaced.
        batch_size, dtype, device, executor, workers, scheduler, progress: as of `benchmark`.

    Returns:
        The tables verdicts (a row per model and hypothesis), components, by_fill, shift,
        interventions and mediation; `notes` name what is missing.

    Raises:
        InputError: as of `benchmark`, or no model has attention that could move.

    Examples:
        >>> from analysis import shift
        >>> result = shift("heads:n=70", "iram-heads,none-heads", ["eyes-0.3-mean"], split="all",
        ...                limit=8, batch_size=8, dtype="fp32", progress=False)
        dtype: fp32 (asked for)
        occluders: placed by the landmarks of 70 of 70 faces
        >>> set(result.tables["verdicts"]["model"])
        {'iram-heads'}
    """
    arguments = shift_arguments(
        data, models, conditions, out=out, split=split, limit=limit, seed=seed,
        placement=placement, landmarks=landmarks, ran_lists=ran_lists, batch_size=batch_size,
        dtype=dtype, device=device, backend=backend, permuted=permuted,
    )
    return shifting.shift(
        **arguments, progress=progress, executor=inputs.executor(executor, workers, scheduler))


def attribution_suite(
    data: Data,
    models: Models,
    methods: str | Sequence[str] = "cheap",
    *,
    out: Folder | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    random_labels: Models = "",
    against: str | None = None,
    reference: int = 200,
    curves: int = 64,
    pairs: int = 64,
    sanity: int = 16,
    placement: str = "landmarks",
    landmarks: Folder | None = None,
    backend: str = "auto",
    device: str = "auto",
    executor: str = "threads",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
) -> Result:
    """How do attribution methods and a model's own attention compare? As `iram attribute`.

    Args:
        methods: names, or "cheap", "dear" or "all", or a list of them.
        random_labels: models that learned random labels, each the control of one of `models`.
        against: why each prediction rather than this class, or "second", its runner-up, which also
            stands in where the class itself is predicted: the difference of the two logits is what
            all methods and measures are of. None: the prediction's logit.
        reference, curves, pairs, sanity: on how many of the faces the dearer measures are taken:
            exact Shapley values and occluded pictures; curves, infidelity, sensitivity and
            in-domain deletion; SSIM and earth mover's distance; randomised weights and stability.
        data, models, out, split, limit, seed, placement, landmarks: as of `benchmark`.
        backend: as of `benchmark`, of passes without gradients. All is in fp32: maps are made of
            gradients and of small differences of logits.
        device, executor, workers, scheduler, progress: as of `benchmark`.

    Returns:
        Tables with 95% bootstrap intervals over faces, beside chance: agreement, faithfulness,
        curves, localisation, sanity, complexity and ranking; `better` says which way is good.

    Raises:
        InputError: as of `benchmark`, no method that fits any model, or a control of no model.

    Examples:
        >>> from analysis import attribution_suite
        >>> result = attribution_suite(
        ...     "heads:n=70", "iram-heads", ["attention", "gradcam"], split="all", limit=4,
        ...     reference=2, curves=2, pairs=2, sanity=1, progress=False)
        occluders: placed by the landmarks of 70 of 70 faces
        >>> sorted(set(result.tables["faithfulness"]["method"]))
        ['attention', 'gradcam']
    """
    arguments = attribution_arguments(
        data, models, methods, out=out, split=split, limit=limit, seed=seed,
        random_labels=random_labels, placement=placement, landmarks=landmarks, device=device,
        backend=backend, against=against,
        sizes={"reference": reference, "curves": curves, "pairs": pairs, "sanity": sanity},
    )
    return attributing.attribution_suite(
        **arguments, progress=progress, executor=inputs.executor(executor, workers, scheduler))
