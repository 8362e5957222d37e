"""Scores that ask the model about changed pictures, of several methods at once."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from analysis.attributions.contrast import pairwise
from analysis.engine.cells import Advance
from analysis.metrics import (
    both_orders,
    curve_scores,
    infidelity,
    max_sensitivity,
    perturbation_curves,
    reference,
    squares,
)
from analysis.stimuli.fills.imputation import impute
from analysis.studies.attribution.methods import is_quick
from analysis.studies.attribution.plan import FILLS, Suite
from analysis.studies.attribution.questions import blocks
from analysis.studies.attribution.record import Record
from analysis.subjects import Subject
from iram.seeds import generators

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)  # closer where curves bend
ORDERS = ("morf", "lerf")  # the most, or the least, relevant pixels removed first
PASSES = 64  # pictures a forward pass
MOVED = 20  # pictures whose maps are made at once: with gradients, which take most memory


def add_curves(
    suite: Suite, subject: Subject, records: Mapping[str, Record], advance: Advance
) -> None:
    """Insertion, deletion and their difference, per fill; with "imputed" they are ROAD's. And the
    curves themselves: the probability of the explained class at each share.

    A picture's curves of all methods, in both orders and with its own and another face's maps, are
    made in the same batches. Nothing is passed twice: the clean logits are known. Of a class that
    is asked against another one, followed is the difference of the two logits, and the probability
    that it is the one of these two.
    """
    parts = alike(suite, subject, suite.some(suite.sizes.curves))
    chosen, target = np.concatenate(parts), suite.targets(subject)
    clean, known = suite.clean_logits(subject), maps_and_others(suite, subject, records, chosen)
    ends = np.cumsum([len(faces) for faces in parts])
    for fill in FILLS:
        found, followed = [], []
        for faces, end in zip(parts, ends, strict=True):
            part = slice(end - len(faces), end)
            images = suite.seen_by(subject).images(faces)
            asked = _asked(suite, subject, faces)
            curves = perturbation_curves(
                lambda x, asked=asked: asked(subject.logits(x)), images,
                both_orders({k: v[part] for k, v in known.items()}),
                torch.zeros_like(target[faces]) if suite.against else target[faces],
                _fill(images, fill), shares=SHARES, clean=asked(clean[faces]), batch_size=PASSES,
            )
            found.append({k: curve_scores(curves[k, "morf"], curves[k, "lerf"]) for k in known})
            followed.append({k: curve.probability for k, curve in curves.items()})
            advance(len(faces) * len(records))
        for method, record in records.items():
            for name in found[0][method, "own"]:
                value, chance = (
                    torch.cat([block[method, whose][name] for block in found])
                    for whose in ("own", "other")
                )
                record.add(chosen, value, chance, family="faithfulness", metric=name, region="none",
                           fill=fill)
            for order in ORDERS:
                own, other = (torch.cat([block[(method, whose), order] for block in followed])
                              for whose in ("own", "other"))
                for place, share in enumerate(SHARES):
                    record.add(chosen, own[:, place], other[:, place], family="curves",
                               metric="probability", region="none", fill=fill, order=order,
                               share=f"{share:g}")


def alike(suite: Suite, subject: Subject, chosen: np.ndarray) -> list[np.ndarray]:
    """The faces, a batch at a time; where classes are asked against others, each batch of one
    question."""
    if not suite.against:
        return blocks(chosen)
    questions = suite.questions(subject)[chosen].numpy()
    return [part for one in np.unique(questions) for part in blocks(chosen[questions == one])]


def _asked(suite: Suite, subject: Subject, faces: np.ndarray) -> Callable[[Tensor], Tensor]:
    """Logits (B, K) as they are; or of faces that are asked the same against another class, the
    pair (B, 2) of (difference, 0), whose softmax is that of the two classes."""
    if not suite.against:
        return lambda logits: logits
    face = int(faces[0])
    target, rival = suite.targets(subject)[face], suite.rivals(subject)[face]

    def pair(logits: Tensor) -> Tensor:
        difference = logits[:, target] - logits[:, rival]
        return torch.stack([difference, torch.zeros_like(difference)], 1)

    return pair


def add_infidelity(suite: Suite, subject: Subject, records: Mapping[str, Record]) -> None:
    """How badly a map, as a linear account, tells what squares in mean gray cost the logit."""
    chosen = suite.some(suite.sizes.curves)
    chance = list(generators(suite.seed, "infidelity", suite.ids[chosen]))

    def logits(images: Tensor) -> Tensor:
        found = subject.logits(images)
        return pairwise(found) if suite.against else found

    errors = infidelity(
        logits, suite.seen_by(subject).images(chosen),
        maps_and_others(suite, subject, records, chosen), suite.questions(subject)[chosen],
        squares(), chance, batch_size=PASSES,
    )
    for method, record in records.items():
        record.add(chosen, errors[method, "own"], errors[method, "other"], family="faithfulness",
                   metric="infidelity", region="none", fill="mean")


def add_sensitivity(suite: Suite, subject: Subject, records: Mapping[str, Record]) -> None:
    """How far a map moves when the picture hardly changes; only for methods of one pass.

    Chance: how far another face's map is from it.
    """
    chosen, target = suite.some(suite.sizes.curves), suite.targets(subject)
    partner, rival = suite.partners(subject)[chosen], suite.rivals(subject)
    for method in filter(is_quick, records):
        maps = suite.scaled_maps(subject, method, chosen)
        other = suite.scaled_maps(subject, method, partner.clamp_min(0).numpy())
        draws = list(generators(suite.seed, "sensitivity", suite.ids[chosen]))

        def attribute(images: Tensor, places: Tensor, method=method) -> Tensor:
            faces = chosen[places.numpy()]
            return suite.attribute(subject, method, images, slice(0, 0), target[faces],
                                   rival=None if rival is None else rival[faces])

        value = max_sensitivity(attribute, suite.seen_by(subject).images(chosen), maps,
                                torch.arange(len(chosen)), draws, batch_size=MOVED)
        away = (other - maps).flatten(1).norm(dim=1) / maps.flatten(1).norm(dim=1)
        records[method].add(chosen, value, away.where(partner >= 0, torch.nan),
                            family="faithfulness", metric="max_sensitivity", region="none",
                            fill="noise")


def maps_and_others(suite, subject, methods, chosen: np.ndarray) -> dict[tuple[str, str], Tensor]:
    """{(method, "own" or "other"): maps (n, S, S)} of the chosen faces, and of their partners."""
    partner = suite.partners(subject)[chosen]
    found = {}
    for method in methods:
        own = suite.maps(subject, method, chosen).float()
        other = suite.maps(subject, method, partner.clamp_min(0).numpy()).float()
        other[partner < 0] = torch.nan
        found |= {(method, "own"): own, (method, "other"): other}
    return found


def _fill(images: Tensor, name: str):
    """A picture of the fill; or, as it looks at what is removed, imputation itself.

    ROAD adds noise to what it imputes; this doesn't, so that curves are the same in any batch.
    """
    return impute if name == "imputed" else reference(images, name)
