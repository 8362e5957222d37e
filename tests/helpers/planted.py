"""Models whose attention is known, for the tests of the study of its shift.

Each is shown tiny faces that it knows by heart, so that it can tell what is covered.
"""

from pathlib import Path

import pytest
import tiny
import torch
from torch import nn
from torch.nn import functional as F

from analysis.stimuli.layout import mean_layout
from analysis.studies.calibration.nets import Traced
from analysis.subjects import Subject
from iram.architecture import FER2013_CLASSES
from iram.model import Trace

SIDE = 12  # cells of the attention map


@pytest.fixture(scope="module", autouse=True)
def few_permutations():
    """Of weights: two, for the modules of tests that import this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.studies.shift.readers.PERMUTATIONS", 2)
        yield


class Planted(Traced):
    """One attention map; the logits are the true class's evidence, weighted with attention: 1 in
    what is visible of the face, -1 in what is covered."""

    input_size, num_layers, classes = 48, 1, FER2013_CLASSES

    def __init__(self, faces, name: str = "planted"):
        super().__init__()
        self.name = name
        self.register_buffer("known", faces.images(slice(None))[:, 0])
        self.register_buffer("labels", faces.labels)
        self.register_buffer("face", mean_layout(48).face[0])
        x, y = torch.meshgrid(*2 * [torch.linspace(-1, 1, SIDE)], indexing="ij")
        self.register_buffer("pattern", torch.exp(-(x**2 + y**2) / 2) + 0.3 * torch.sin(5 * x))

    has_attention = True

    def gate(self, images, covered, known):
        """(N, SIDE, SIDE): where attention is."""
        raise TypeError(f"{type(self).__name__} must define gate()")

    def seen(self, images):
        """Which known face each picture is, and the covered share (N, SIDE, SIDE) of its cells."""
        same = (images[:, None] - self.known[None]).abs() < 1e-4
        which = same.flatten(2).sum(2).argmax(1)
        changed = ~same[torch.arange(len(images)), which] & self.face
        return which, F.adaptive_avg_pool2d(changed[:, None].float(), SIDE)[:, 0]

    def trace(self, images) -> Trace:
        images = images[:, 0]
        which, covered = self.seen(images)
        own = self.gate(images, covered, self.known[which])[:, None]
        used = self._replaced.get(0, own)
        used = used(own) if callable(used) else used
        weights = used[:, 0] * F.adaptive_avg_pool2d(self.face[None, None].float(), SIDE)[0]
        evidence = (weights * (1 - 2 * covered)).sum((1, 2)) / weights.sum((1, 2))
        logits = F.one_hot(self.labels[which], len(self.classes)) * 3.0 * evidence[:, None]
        return Trace(logits, [used], [own])


class Avoiding(Planted):
    """Attention leaves what is covered of the face, and what it leaves goes to the rest.

    It knows how by one of its 16 weights; the others are for what does not depend on the cover.
    """

    def __init__(self, faces, name="avoiding"):
        super().__init__(faces, name)
        self.weights = nn.Parameter(torch.zeros(16))
        self.weights.data[0] = -3.0

    def gate(self, images, covered, known):
        still = F.adaptive_avg_pool2d(known[:, None], SIDE)[:, 0] - 0.5
        features = torch.stack([covered, *[still] * 15], 1)
        raw = torch.exp(torch.einsum("k,nkhw->nhw", self.weights, features) + self.pattern)
        return (0.3 * raw / raw.mean((1, 2), keepdim=True)).clamp(1e-4, 1 - 1e-4)


class Fixed(Planted):
    """The same attention on every picture."""

    def gate(self, images, covered, known):
        return (0.4 + 0.2 * self.pattern).expand(len(images), -1, -1)


class Gating(Planted):
    """A gate over channels alone, as SE's: it falls with what is covered, the same everywhere."""

    def gate(self, images, covered, known):
        return (0.6 - 0.3 * covered.mean((1, 2)))[:, None, None].expand(-1, SIDE, SIDE)


class Intensity(Planted):
    """Attention is how bright a cell is: black takes it away, and it goes nowhere."""

    def gate(self, images, covered, known):
        return F.adaptive_avg_pool2d(images[:, None], SIDE)[:, 0].clamp(0.02, 0.98)


class Stirred(Planted):
    """Any patch in the picture lifts all attention, and what is covered loses a part of its own.

    The patch need not lie on the face: beside it (a sham) it stirs the attention just as much.
    """

    def gate(self, images, covered, known):
        changed = ((images - known).abs() > 1e-4).flatten(1).any(1)
        lift = 1 + 0.3 * changed[:, None, None].float()
        return ((0.4 + 0.1 * self.pattern) * lift * (1 - 0.5 * covered)).clamp(1e-4, 1 - 1e-4)


class Inattentive(Fixed):
    """No attention; its activation is the same on every picture."""

    has_attention = False

    def trace(self, images):
        trace = super().trace(images)
        return Trace(trace.logits, [], trace.features)


def subject(model: nn.Module, name: str, seed: int = 0) -> Subject:
    made = Subject(Path(name), name, seed, f"sha of {name}", torch.arange(len(model.classes)))
    made.__dict__["model"] = model.eval()
    return made


def faces(n: int = 42):
    return tiny.dataset(n)
