"""What is read of a model: its logits, its attention, or the activation that stands for it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from analysis.attributions.maps import gates_channels, spatial_attention
from analysis.studies.shift.controls import CALIBRATION, activation_energy, permuted_weights
from analysis.subjects import Subject, twin
from analysis.subjects.roles import PERMUTED
from analysis.subjects.training import Training, check, training_of
from iram import contract
from iram.data.dataset import FaceDataset


class Reading(NamedTuple):
    """A forward pass.

    Attributes:
        logits: (N, K) in the data set's order of classes.
        attention: the gates (N, C, h, w), one per layer; empty for a model without any.
        maps: (N, h, w) per layer: the gates' mean over the channels; of a model without attention
            the activation energy of its blocks.
    """

    logits: Tensor
    attention: list[Tensor]
    maps: list[Tensor]


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
        """Whether its attention can be replaced, and another one would make a difference."""
        able = "interventions" not in contract.lacks(self.subject.model)
        return self.moves and able and not self.permuted

    @cached_property
    def training(self) -> Training:
        return training_of(self.subject)

    @cached_property
    def model(self) -> nn.Module:
        if not self.permuted:
            return self.subject.model
        return permuted_weights(self.subject.model, self._first(CALIBRATION), seed=0)

    def apart(self) -> "Reader":
        """The same with copies of the models."""
        apart = copy.copy(self)
        apart.subject = twin(self.subject)
        if self.permuted:
            apart.__dict__["model"] = copy.deepcopy(self.model)
        else:
            apart.__dict__.pop("model", None)
        return apart

    @torch.inference_mode()
    def read(self, images: Tensor) -> Reading:
        with self._arithmetic():
            trace = self.model.trace(self._faces(images))
        attention = [one.float() for one in trace.attention]
        maps = [spatial_attention(one) for one in attention]
        maps = maps or [activation_energy(one) for one in trace.features]
        return Reading(self._logits(trace.logits), attention, [one.float().cpu() for one in maps])

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


def open_readers(subjects: list[Subject], dataset: FaceDataset) -> list[Reader]:
    """Every model, and after each whose attention can move its twin with permuted weights.

    Raises:
        InputError: models of one label that are no training seeds of the same thing.
    """
    readers = []
    for subject in subjects:
        reader = Reader(subject, dataset=dataset)
        readers.append(reader)
        # One that was trained on shuffled labels, or taught by erasing, is a control itself.
        copied = "copies" not in contract.lacks(subject.model)
        if reader.moves and copied and not reader.training.is_control:
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
