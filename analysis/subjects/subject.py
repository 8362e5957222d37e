"""A model under study: whatever maps faces to logits in the data set's class order."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis.attributions.layers import name_layer
from analysis.stimuli.resizing import resize_pictures
from analysis.subjects.answers import Known
from analysis.subjects.backends import Passes, passes_of
from iram import contract
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
        backend: of the passes whose logits alone are asked for; see `analysis.subjects.backends`.
        known: what one from outside is known by, of which `weights_sha256` is the hash.
        spec: where a model from outside comes from: what --models calls it, or its class.
        layer: that class activation maps read; None: it is found.
    """

    path: Path
    name: str
    seed: int
    weights_sha256: str
    columns: Tensor
    device: str = "cpu"
    bf16: bool = False
    classes: Sequence[str] = ()
    spec: str = ""
    known: Known | None = None
    backend: str = "eager"
    layer: str | None = None

    def __getstate__(self) -> dict:  # a worker reads the weights itself
        return {name: value for name, value in self.__dict__.items() if name != "model"}

    @property
    def passes(self) -> Passes:
        """Faces as `faces` brings them -> the logits of the model's own classes, by the backend."""
        return passes_of(self.model, self.backend, self.weights_sha256, self.device, self.bf16)

    def settle(self, earlier: Mapping[str, Mapping]) -> None:
        """Keeps the key that an earlier run gave to this very model (see `Known.agrees`), which
        another processor's rounding may have changed; of ours it is that of the weights.

        Args:
            earlier: {key: what the model was known by}.
        """
        for key, told in earlier.items():
            if self.known and self.known.agrees(Known.from_dict(told)):
                self.weights_sha256 = key

    @classmethod
    def of(
        cls, module: nn.Module, *, classes: Sequence[str] | None = None, size: int | None = None,
        name: str | None = None, seed: int | None = None, channels: int | None = None,
        mean: float | Sequence[float] | None = None, std: float | Sequence[float] | None = None,
        output: str | None = None, attention: Sequence[str] | Mapping | None = None,
        mapping: Mapping[str, str] | None = None, device: str = "cpu",
    ) -> "Subject":
        """A torch module as a model under study.

        A copy of it is tried on a few pictures and studied, in eval mode; the module stays as it
        is. It gets pictures (N, channels, size, size), (pixel - mean) / std, and gives (N, K)
        numbers. What it is for a file's TOML is in `analysis.subjects.description`.

        Args:
            module: any classifier. One of `iram.build_model` or `iram.load_model` says all itself,
                but `name` and `seed`.
            classes: K names, in the order of its outputs. Usual synonyms (anger, angry) of the data
                set's names don't matter.
            size: pixels a side of what it sees, 8 to 1024; faces are resized to it.
            name: in tables, up to 80 letters, digits, "-", "_", "." or "+"; default: its class's.
                Controls are known by it: see `iram shift --help`.
            seed: that it was trained with; default 0.
            channels: 1 (gray, the default) or 3 (RGB: faces in colour where they have any, else
                gray repeated).
            mean, std: of pictures in [0, 1], one number or one a channel; default 0 and 1.
            output: "logits" (the default), "probabilities" or "log_probabilities".
            attention: names of the modules that put out attention; or a dict with `layers`, `read`
                ("gate", "sigmoid", "tokens" or "windows"), `prefix_tokens`, `grid` and `shift`.
            mapping: {its class: the data set's}, beyond the usual synonyms.
            device: "cpu" or "cuda".

        Raises:
            InputError: an argument that is missing or can't be, a module that fails on pictures of
                this size or gives something else than (N, K) finite numbers, or no such layer.

        Examples:
            >>> from torch import nn
            >>> from analysis import Subject
            >>> net = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 2))
            >>> mine = Subject.of(net, classes=["happy", "sad"], size=48, name="mine")
            >>> mine.name, mine.classes
            ('mine', ('happy', 'sad'))
        """
        from analysis.subjects.given import given

        return given(
            module, device, classes=classes, size=size, name=name, seed=seed, channels=channels,
            mean=mean, std=std, output=output, attention=attention, mapping=mapping,
        )

    @property
    def channels(self) -> int:
        """3 of a net that takes RGB, which sees faces in colour where there is any, else 1."""
        return contract.channels(self.model) if self.spec else 1  # ours take gray

    @cached_property
    @torch.inference_mode(False)  # whoever asks first: weights made there pass no gradients
    def model(self) -> nn.Module:
        model = load_model(self.path, self.device).to(memory_format=torch.channels_last)
        return name_layer(model, self.layer)

    def faces(self, images: Tensor) -> Tensor:
        """Pictures (N, C, S, S) as the model takes them: on its device, and of its size if it has
        one."""
        if self.model.input_size is None:  # it resizes them itself
            return images.to(self.device)
        images = resize_pictures(images, self.model.input_size)
        return images.to(self.device).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """(N, classes) float32 on the CPU for pictures (N, C, S, S) in [0, 1], C = 1 or `channels`.

        Pictures of another size than the model's are resized (bilinear, antialiased).
        """
        images = self.faces(images)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
            logits = self.passes(images)
        return logits.float().cpu()[:, self.columns]


def changed(subject: Subject, **attributes) -> Subject:
    """The same model with other attributes, such as its backend."""
    other = copy.copy(subject)
    other.__dict__.update(subject.__dict__ | attributes)
    return other


def in_fp32(subject: Subject) -> Subject:
    return changed(subject, bf16=False) if subject.bf16 else subject


def twin(subject: Subject) -> Subject:
    """The same with a copy of the model, for a worker that watches or changes its layers; a model
    that can't be copied is read again."""
    apart = copy.copy(subject)  # without the model
    if "copies" not in contract.lacks(subject.model):
        apart.__dict__["model"] = copy.deepcopy(subject.model)
    return apart
