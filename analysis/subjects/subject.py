"""A model under study: whatever maps faces to logits in the data set's class order."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis.stimuli.resizing import resize_pictures
from iram.weights import load_model


@dataclass
class Subject:
    """A model under study; its weights are read when it is first asked for an answer.

    `logits` keeps nothing between calls, so that several threads may ask one subject.

    Attributes:
        path: its weights file.
        name: of the weights, as in result tables (`iram-seed0`).
        seed: that it was trained with.
        weights_sha256: what its results are known by.
        columns: for each class of the data set, its place among the model's own.
        classes: the model's own classes, in the order of its logits.
    """

    path: Path
    name: str
    seed: int
    weights_sha256: str
    columns: Tensor
    device: str = "cpu"
    bf16: bool = False
    classes: Sequence[str] = ()

    def __getstate__(self) -> dict:  # a worker reads the weights itself
        return {name: value for name, value in self.__dict__.items() if name != "model"}

    @cached_property
    def model(self) -> nn.Module:
        return load_model(self.path, self.device).to(memory_format=torch.channels_last)

    def faces(self, images: Tensor) -> Tensor:
        """Pictures (N, 1, S, S) as the model takes them: on its device, and of its size."""
        images = resize_pictures(images, self.model.input_size)
        return images.to(self.device).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """(N, classes) float32 on the CPU for pictures (N, 1, S, S) in [0, 1].

        Pictures of another size than the model's are resized (bilinear, antialiased).
        """
        images = self.faces(images)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
            logits = self.model(images)
        return logits.float().cpu()[:, self.columns]


def twin(subject: Subject) -> Subject:
    """The same with a copy of the model, for a worker that watches or changes its layers; a model
    that can't be copied is read again."""
    apart = copy.copy(subject)  # without the model
    if "copies" not in getattr(subject.model, "lacks", {}):
        apart.__dict__["model"] = copy.deepcopy(subject.model)
    return apart
