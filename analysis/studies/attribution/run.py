"""The suite as one call: make what is missing, cell by cell, then tables and figures."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from torch import Tensor

from analysis.attributions import FACE_REGIONS
from analysis.attributions.contrast import asked_against
from analysis.attributions.layers import name_layer
from analysis.engine.parallel import HERE, Executor
from analysis.engine.run import PACKAGES, Result, Study, finish, opened
from analysis.engine.sampling import sampled
from analysis.metrics import FAMILIES, better
from analysis.studies.attribution.engine import compute
from analysis.studies.attribution.modules import modules
from analysis.studies.attribution.perturbed import SHARES
from analysis.studies.attribution.plan import FILLS, Suite
from analysis.studies.attribution.questions import Sizes
from analysis.studies.attribution.report import report
from analysis.studies.attribution.tables import TABLES, attribution_tables, ranked_by
from analysis.subjects import Subject
from analysis.subjects.choice import by_backend
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.files import located

DEFAULT_SIZES = Sizes()


class Attribution(Study):
    """The tables and figures of a suite."""

    version = 3
    pictures = ("faithfulness",)
    compute, names = staticmethod(compute), (*TABLES, "modules")

    def tables(self) -> dict[str, pd.DataFrame]:
        return attribution_tables(self.plan) | {"modules": modules(self.plan)}

    def made_of(self) -> dict:
        marked = {s.name: found for s in self.plan.subjects if (found := self.plan.marked(s))}
        told = {"marked": marked} if marked else {}
        ways = [(name, better(name)) for family in FAMILIES for name in family]
        return {"models": [(s.name, s.seed) for s in self.plan.subjects], "better": ways,
                "ranked_by": ranked_by(), **told}

    def lines(self, tables: Mapping[str, pd.DataFrame]) -> Iterable[str]:
        return [report(tables, self.plan)]

    def draw(self, tables: Mapping[str, pd.DataFrame]) -> None:
        from analysis import figures

        named = {f"attribution/{name}.csv": table for name, table in tables.items()}
        run = f"faces {self.plan.faces_sha256[:12]}, seed {self.plan.seed}"
        figures.draw(named, self.plan.out / "figures", run)


def planned(
    subjects: Sequence[Subject],
    dataset: FaceDataset,
    methods: Sequence[str],
    out: Path,
    *,
    seed: int = 0,
    limit: int | None = None,
    cameras: Tensor | None = None,
    sizes: Sizes = DEFAULT_SIZES,
    randomised: dict[str, Subject] | None = None,
    layer: str | None = None,
    backend: str = "eager",
    against: str = "",
) -> tuple[Suite, dict]:
    """What would be run in the folder `out`, and its description; nothing is written.

    Args:
        backend: as of `occlusion.run.planned`, of passes without gradients.
        against: the class of the data set, or "second", that predictions are asked against; "" for
            none.

    Raises:
        InputError: `out` holds another run, or no method is left for any model, or the backend
            can't be had, or a class that is none of the data set's.
    """
    asked_against(against or None, dataset.classes)
    chosen = sampled(len(dataset), limit, seed)
    dataset, cameras = dataset.subset(chosen), None if cameras is None else cameras[chosen]
    shown = passes(len(dataset), sizes, len(methods))
    subjects, identity = by_backend(subjects, backend, located(out), shown)
    suite = Suite(subjects, dataset, tuple(methods), located(out), seed, cameras, sizes,
                  randomised or {}, layer, against)
    for subject in subjects if layer else ():
        name_layer(subject.model, layer)
    if not any(suite.methods_of(subject) for subject in subjects):
        raise InputError("none of these methods fits any of these models: " + "; ".join(
            f"{m} {why}" for m, why in suite.skipped(subjects[0]).items()))
    told = {
        "methods": {s.name: suite.methods_of(s) for s in subjects},
        "skipped": {s.name: suite.skipped(s) for s in subjects},
        "not_ranked": {s.name: suite.marked(s) for s in subjects},
        "trained_on_random_labels": {m: s.weights_sha256 for m, s in suite.randomised.items()},
        "faces_of": vars(sizes),
        **({"against": against} if against else {}),
    }
    return suite, opened(suite, "attribute", told, identity, ("captum", *PACKAGES))


def passes(faces: int, sizes: Sizes, methods: int) -> int:
    """Pictures without gradients that a model is shown, about: Shapley values, and curves of own
    and another's map in two orders."""
    reference, curves = min(faces, sizes.reference), min(faces, sizes.curves)
    return 2 ** len(FACE_REGIONS) * reference + 4 * len(SHARES) * len(FILLS) * curves * methods


def attribution_suite(
    *arguments, progress: bool = True, executor: Executor = HERE, **options
) -> Result:
    """Runs, or finishes, the suite in a folder, and writes its tables and figures.

    Args:
        executor: who computes.
        arguments, options: of `planned`.

    Raises:
        InputError: `out` holds another run or can't be written.
    """
    suite, run = planned(*arguments, **options)
    return finish(Attribution(suite), run, progress, executor)
