"""What is read of a model: its logits, its attention, or the activation that stands for it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from analysis.attributions.maps import gates_channels, spatial_attention
from analysis.studies.occlusion.rows import margin
from analysis.studies.shift.controls import CALIBRATION, permuted_weights
from analysis.subjects import Subject, twin
from analysis.subjects.roles import PERMUTED
from analysis.subjects.training import Training, check, training_of
from iram import contract
from iram.data.dataset import FaceDataset

PERMUTATIONS = 20  # of the weights: one permutation is one draw of a null that varies much
PERMUTED_FACES = 100  # that they are read on


class LayerReading(NamedTuple):
    """One layer of a `Reading`.

    Attributes:
        map: (N, h, w) the gates' mean over the channels; of a model without attention the
            activation energy of its block.
        effective: (N, h, w) `iram.backbones.effective_multiplier`; `map` of a model that can't
            tell it: one from outside, or without attention.
        channels: (N, C, h, w) the gates; without attention the squares of the activation.
        weighted: (N, h, w) `weighted_by_evidence`; None where it was not asked for, or can't be.
    """

    map: Tensor
    effective: Tensor
    channels: Tensor
    weighted: Tensor | None = None


class Reading(NamedTuple):
    """A forward pass.

    Attributes:
        logits: (N, K) in the data set's order of classes.
        attention: the gates (N, C, h, w), one per layer; empty for a model without any.
        layers: what is measured of each layer.
    """

    logits: Tensor
    attention: list[Tensor]
    layers: list[LayerReading]


def weighted_by_evidence(
    logits: Tensor, attention: Sequence[Tensor], labels: Tensor
) -> list[Tensor | None]:
    """(N, h, w) of each layer: relu(sum over channels of A dY/dA), Y the label's margin.

    Attention weighted by what its place and channel contribute to the true class: since y = A f
    where gates multiply features f, A dY/dA = A f dY/dy, gate x feature x gradient. What speaks
    against the class counts as nothing. None where the logits don't depend on a map by gradients.
    """
    reached = [one for one in attention if one.requires_grad]
    total = margin(logits, labels).sum()
    found = {}
    if reached and total.requires_grad:
        slopes = torch.autograd.grad(total, reached, allow_unused=True)
        found = {id(one): slope for one, slope in zip(reached, slopes, strict=True)}
    return [None if (slope := found.get(id(one))) is None
            else (one * slope).float().sum(1).relu().detach().cpu() for one in attention]


@dataclass
class Reader:
    """A model under study, or its twin with permuted weights.

    Attributes:
        subject: what it is read from.
        permuted: whether its weights are permuted.
        dataset: the faces: permuted weights are calibrated on some of them.
    """

    subject: Subject
    permuted: bool = False
    dataset: FaceDataset | None = None

    @property
    def name(self) -> str:
        return f"{self.subject.name}-{PERMUTED}" if self.permuted else self.subject.name

    @property
    def has_attention(self) -> bool:
        return contract.has_attention(self.subject.model)

    @property
    def found(self) -> dict[str, dict]:
        """The layers that stand for the blocks of a model from outside without attention: which
        they are depends on more than the model."""
        stages = {} if self.has_attention else getattr(self.subject.model, "stages", {})
        return {"stages": {name: str(layout) for name, layout in stages.items()}} if stages else {}

    @cached_property
    def channels_alone(self) -> bool:
        """Whether it has attention, and none of it has places, as in SE and ECA."""
        if not self.has_attention:
            return False
        with torch.inference_mode():
            trace = self.subject.model.trace(self._first(1))
        return all(gates_channels(one) for one in trace.attention)

    @property
    def moves(self) -> bool:
        """Whether it has attention that can move."""
        return self.has_attention and not self.channels_alone

    @property
    def replaceable(self) -> bool:
        """Whether its attention can be replaced, and is asked about."""
        able = "interventions" not in contract.lacks(self.subject.model)
        return self.has_attention and able and not self.permuted

    @cached_property
    def training(self) -> Training:
        return training_of(self.subject)

    @property
    def faces(self) -> int:
        """How many of the faces, the first, are read."""
        return min(len(self.dataset), PERMUTED_FACES) if self.permuted else len(self.dataset)

    @property
    def count(self) -> int:
        """How many models are read, whose measures are averaged."""
        return PERMUTATIONS if self.permuted else 1

    @cached_property
    def model(self) -> nn.Module:
        if self.permuted:
            return self._permuted(0)
        folded = self.subject.backend == "folded"
        return self.subject.passes if folded else self.subject.model

    def versions(self) -> "list[Reader]":
        """One for each model that is read; copies, so that attention can be replaced."""
        apart = copy.copy(self)
        apart.subject = twin(self.subject)
        if not self.permuted:
            apart.__dict__.pop("model", None)
            if self.model is not self.subject.model:  # folded
                apart.__dict__["model"] = copy.deepcopy(self.model)
            return [apart]
        found = [copy.copy(apart) for _ in range(self.count)]
        for number, version in enumerate(found):
            version.__dict__["model"] = apart._permuted(number)
        return found

    def _permuted(self, number: int) -> nn.Module:
        return permuted_weights(self.subject.model, self._first(CALIBRATION), seed=number)

    @property
    def weighable(self) -> bool:
        """Whether its attention can be weighted by the evidence: it moves, and has gradients."""
        lacking = "gradients" in contract.lacks(self.subject.model)
        return self.moves and not self.permuted and not lacking

    def read(self, images: Tensor, labels: Tensor | None = None) -> Reading:
        """Args:
            labels: (N,) of the faces, in the data set's order of classes; with them attention is
                also weighted by the evidence, if it can be.
        """
        weigh = labels is not None and self.weighable
        with torch.inference_mode(not weigh), torch.set_grad_enabled(weigh), self._arithmetic():
            faces = self._faces(images)
            trace = self.model.trace(faces.detach().requires_grad_() if weigh else faces)
            weighted = [None] * len(trace.features)
            if weigh:
                logits = trace.logits.float()[:, self.subject.columns]
                weighted = weighted_by_evidence(logits, trace.attention, labels.to(logits.device))
        attention = [one.detach().float() for one in trace.attention]
        channels = attention or [one.detach().float().square() for one in trace.features]
        maps = [spatial_attention(one).cpu() for one in channels]
        effective = [one.detach().float().cpu() for one in trace.effective] or maps
        layers = map(LayerReading, maps, effective, channels, weighted)
        return Reading(self._logits(trace.logits.detach()), attention, list(layers))

    @torch.inference_mode()
    def answer(self, images: Tensor) -> Tensor:
        """(N, K) logits in the data set's order of classes."""
        with self._arithmetic():
            return self._logits(self.model(self._faces(images)))

    def _logits(self, logits: Tensor) -> Tensor:
        return logits.float().cpu()[:, self.subject.columns]

    def _arithmetic(self):
        kind = torch.device(self.subject.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.subject.bf16)

    def _first(self, count: int) -> Tensor:
        """The first faces, as the model takes them."""
        return self._faces(self.dataset.seen_by(self.subject.channels).images(slice(0, count)))

    def _faces(self, images: Tensor) -> Tensor:
        return self.subject.faces(images)


def open_readers(
    subjects: list[Subject], dataset: FaceDataset, permuted: bool = True
) -> list[Reader]:
    """Every model, and after each whose attention can move its twin with permuted weights, unless
    these are to be left out.

    Raises:
        InputError: models of one label that are no training seeds of the same thing.
    """
    readers = []
    for subject in subjects:
        reader = Reader(subject, dataset=dataset)
        readers.append(reader)
        # One that was trained on shuffled labels, or taught by erasing, is a control itself.
        copied = "copies" not in contract.lacks(subject.model)
        if permuted and reader.moves and copied and not reader.training.is_control:
            readers.append(Reader(subject, True, dataset))
    check((r.name, r.subject.seed, r.training) for r in readers if not r.permuted)
    return readers


def readable(subjects: Sequence[Subject]) -> tuple[list[Subject], list[str]]:
    """The models of which attention or activation can be read, and what the others, and those whose
    attention can't be replaced, go without."""
    kept, lines = [], []
    for subject in subjects:
        lacks = contract.lacks(subject.model)
        if not Reader(subject).has_attention and "layers" in lacks:
            lines.append(f"{subject.name}: left out, since neither attention nor activation can be "
                         f"read of it: {lacks['layers']}")
            continue
        kept.append(subject)
        if "interventions" in lacks:
            lines.append(f"{subject.name}: its attention is read but not replaced: "
                         f"{lacks['interventions']}")
        if "copies" in lacks:
            lines.append(f"{subject.name}: no twin with permuted weights: {lacks['copies']}")
    return kept, lines
