"""The planted nets: what each does with what is covered, and what is true of it."""

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.studies.calibration.memory import Memory, Seen
from analysis.studies.calibration.nets import PlantedNet, Trained
from analysis.subjects.hypotheses import FILL_CLASSES, REPLACED, WHOLE
from analysis.subjects.roles import EXPOSURES
from iram.registry import Registry

STRENGTH = 0.25  # log units by which a gate falls that avoids: its share then falls by about 0.18
BARELY = 0.28  # of that, in a net whose share falls by a tenth less than the margin
WOBBLE = 0.03  # log units, standard deviation over seeds of a movement whose mean is 0
WILD = 0.3  # the same of seeds that have nothing in common
FILTER = 5  # pixels a side of a random filter
ALL = tuple(FILL_CLASSES)
LEAVES = {"H1": ALL, "H2b": ALL, "H2c": ALL, "H6": ALL}
AVOIDS = LEAVES | {"H3": REPLACED}
OWN = "iram"  # what the planted net stands for, and what its controls are the controls of
CONTROLS = {"none": "plain", f"{OWN}-random-labels": "wobbles", "se": "wobbles",
            "eca": "wobbles", "cbam": "wobbles"}  # label -> the planted net that stands for it

PLANTED = Registry("planted net", holds={}, null=False, judged=True, listens=True, attends=True,
                   erased="wobbles")
"""(what is seen, layer, side, training) -> the push, see `nets`.

holds: hypothesis -> the classes of fill under which it is true of the net; under all others, and
    of all other hypotheses, the opposite is.
null: whether nothing is there to be found, so that "supported" is a false alarm.
judged: whether hypotheses are about it; else it is a control of the others.
listens, attends: as of `PlantedNet`.
erased: the net that stands for it where training erased."""


def build(memory: Memory, classes: tuple[str, ...], kind: str, seed: int) -> PlantedNet:
    """A net of this kind and training seed."""
    told = PLANTED.about(kind)
    return PlantedNet(memory, classes, Trained(kind, seed), PLANTED[kind], told.listens,
                      told.attends)


def should(kind: str, hypothesis: str, fill: str) -> str:
    """The verdict that is right: "supported" or "refuted", under a class of fill or the whole.

    A hypothesis that holds under some classes alone is refuted as a whole.
    """
    true = PLANTED.about(kind).holds.get(hypothesis, ())
    every = REPLACED if hypothesis == "H3" else ALL
    holds = set(true) >= set(every) if fill == WHOLE else fill in true
    return "supported" if holds else "refuted"


def roles_of(kind: str) -> dict[str, str]:
    """Label -> planted net, of a study of this one: itself, and what stands for its controls."""
    erased = {f"{OWN}-erasing-{fill}": PLANTED.about(kind).erased for fill in EXPOSURES}
    return {OWN: kind, **CONTROLS, **erased}


def _falls(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return -STRENGTH * trained.strength(layer) * seen.share(side)


def _only(which: Tensor, pushed: Tensor) -> Tensor:
    """The push of these images (N,), and none of the others."""
    return which.float()[:, None, None] * pushed


@PLANTED.register("avoids", title="avoids every fill", holds=AVOIDS)
def avoids(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return _falls(seen, layer, side, trained)


@PLANTED.register("barely", title="avoids, just below the margin",
                  holds={"H3": REPLACED})
def barely(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return BARELY * _falls(seen, layer, side, trained)


@PLANTED.register("avoids_noise", title="avoids noise alone",
                  holds={key: ("noise",) for key in AVOIDS})
def avoids_noise(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return _only(seen.noisy, _falls(seen, layer, side, trained))


@PLANTED.register("avoids_in_one_layer", title="avoids in one layer only", holds=AVOIDS)
def avoids_in_one_layer(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return _falls(seen, layer, side, trained) * (layer == 1)


@PLANTED.register("unheard", title="avoids, and nothing listens", listens=False, holds=LEAVES)
def unheard(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return _falls(seen, layer, side, trained)


@PLANTED.register("taught", title="avoids only after erasing", erased="avoids",
                  holds={"H2d": ALL})
def taught(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return wobbles(seen, layer, side, trained)


@PLANTED.register("one_class", title="avoids on faces of one class", holds=AVOIDS)
def one_class(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    """Three times as strongly, on a seventh of the faces: true of the mean face, of which the
    hypotheses are."""
    return 3 * _only(seen.labels == 0, _falls(seen, layer, side, trained))


@PLANTED.register("opposed", title="channels against each other", holds={"H3": REPLACED})
def opposed(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    """One channel leaves, and carries the margin; the other comes, so that their mean stays."""
    falls = _falls(seen, layer, side, trained)
    return torch.stack([falls, (2 - falls.exp()).log()], 1)


@PLANTED.register("follows_contrast", title="follows local contrast",
                  holds={key: ("flat",) for key in AVOIDS})
def follows_contrast(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    """Away from gray and to noise: it leaves the flat cover, and no other."""
    local = F.adaptive_avg_pool2d(seen.contrast[:, None], side)[:, 0]
    return 3 * trained.strength(layer) * local


@PLANTED.register("goes_to_cover", title="goes to the cover")
def goes_to_cover(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return -_falls(seen, layer, side, trained)


@PLANTED.register("fixed", title="the same on every picture", null=True)
def fixed(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return torch.zeros(len(seen.images), side, side)


@PLANTED.register("filters", title="random filters", null=True)
def filters(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    """The picture through a filter of its own, of any sign: it moves, and no seed as another."""
    weights = trained.normals(FILTER**2, "filter", layer).view(1, 1, FILTER, FILTER)
    found = F.conv2d(seen.images[:, None] - 0.5, weights / FILTER**2, padding=FILTER // 2)
    return F.adaptive_avg_pool2d(found, side)[:, 0]


@PLANTED.register("wobbles", title="moves a little, each seed its own way", null=True)
def wobbles(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return WOBBLE * trained.normal("wobble", layer) * seen.share(side)


@PLANTED.register("wild", title="moves a lot, each seed its own way", null=True)
def wild(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return WILD * trained.normal("wobble", layer) * seen.share(side)


@PLANTED.register("plain", title="no attention", judged=False, attends=False)
def plain(seen: Seen, layer: int, side: int, trained: Trained) -> Tensor:
    return fixed(seen, layer, side, trained)
