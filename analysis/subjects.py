"""The models under study: whatever maps faces to logits in the data set's class order."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from iram.data.classes import match_classes
from iram.errors import InputError, listing
from iram.weights import find_weights, load_model, read_card


@dataclass
class Subject:
    """A model under study; its weights are read when it is first asked for an answer.

    Attributes:
        path: its weights file.
        name: of the weights, as in result tables (`iram-seed0`).
        seed: that it was trained with.
        weights_sha256: what its results are known by.
        columns: for each class of the data set, its place among the model's own.
    """

    path: Path
    name: str
    seed: int
    weights_sha256: str
    columns: Tensor
    device: str = "cpu"
    bf16: bool = False

    def __getstate__(self) -> dict:  # a worker reads the weights itself
        return {name: value for name, value in self.__dict__.items() if name != "model"}

    @cached_property
    def model(self) -> nn.Module:
        return load_model(self.path, self.device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """(N, classes) float32 on the CPU for pictures (N, 1, S, S) in [0, 1].

        Pictures of another size than the model's are resized (bilinear, antialiased).
        """
        size = self.model.input_size
        if images.shape[-1] != size:
            images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
        images = images.to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
            logits = self.model(images)
        return logits.float().cpu()[:, self.columns]


def open_subjects(
    names: str, classes: Sequence[str], device: str = "cpu", bf16: bool = False
) -> list[Subject]:
    """The models of a comma-separated list of shipped names and weights files.

    Raises:
        InputError: no such weights, two models of one name, or classes that a model lacks.
    """
    subjects = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        path = find_weights(name)
        card = read_card(path)
        try:
            columns = match_classes(classes, card["architecture"]["classes"])
        except InputError as error:
            raise InputError(f"model '{name}' does not fit the data's classes: {error}") from None
        known = path.stem, card["seed"], card["weights_sha256"]
        subjects.append(Subject(path, *known, columns, device, bf16))
    stems = [subject.name for subject in subjects]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice or not stems:
        raise InputError(
            f"--models: {listing(twice)} named twice; results are kept by name"
            if twice else "--models names no model; `iram models` lists them"
        )  # fmt: skip
    return subjects


def twin(subject: Subject) -> Subject:
    """The same with a copy of the model, for a worker that watches or changes its layers."""
    apart = copy.copy(subject)
    apart.__dict__["model"] = copy.deepcopy(subject.model)
    return apart
