"""What is read of a model: its logits, its attention, or the activation that stands for it."""

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from analysis.maps import spatial_attention
from analysis.shift.controls import CALIBRATION, PERMUTED, activation_energy, permuted_weights
from analysis.shift.roles import Training, check, training_of
from analysis.subjects import Subject, twin
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
        permuted: whether its weights are permuted; they then need faces to be calibrated on.
    """

    subject: Subject
    permuted: bool = False
    dataset: FaceDataset | None = None

    @property
    def name(self) -> str:
        return f"{self.subject.name}-{PERMUTED}" if self.permuted else self.subject.name

    @property
    def has_attention(self) -> bool:
        return bool(getattr(self.subject.model, "has_attention", False))

    @cached_property
    def training(self) -> Training:
        return training_of(self.subject, self.has_attention)

    @cached_property
    def model(self) -> nn.Module:
        if not self.permuted:
            return self.subject.model
        return permuted_weights(self.subject.model, self._faces(self.dataset.images(
            slice(0, CALIBRATION))), seed=0)  # fmt: skip

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

    def _faces(self, images: Tensor) -> Tensor:
        size = self.subject.model.input_size
        if images.shape[-1] != size:
            images = torch.nn.functional.interpolate(
                images, (size, size), mode="bilinear", antialias=True
            )
        return images.to(self.subject.device).contiguous(memory_format=torch.channels_last)


def open_readers(subjects: list[Subject], dataset: FaceDataset) -> list[Reader]:
    """Every model, and after each that has attention its twin with permuted weights.

    Raises:
        InputError: models of one label that are no training seeds of the same thing.
    """
    readers = []
    for subject in subjects:
        reader = Reader(subject)
        readers.append(reader)
        # One that was trained on shuffled labels, or taught by erasing, is a control itself.
        if reader.has_attention and not reader.training.is_control:
            readers.append(Reader(subject, True, dataset))
    check((r.name, r.subject.seed, r.training) for r in readers if not r.permuted)
    return readers
