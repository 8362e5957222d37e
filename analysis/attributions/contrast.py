"""Why this class rather than that one: the model whose logits are differences to one class's.

Every method explains a logit, so with these logits it explains the difference.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from iram.data.classes import canonical
from iram.errors import InputError
from iram.registry import unknown

SECOND = "second"  # the class with the next highest logit


class Contrast(nn.Module):
    """A torch module's logits, less that of one class. Its layers have the names of the module's,
    and it says of itself what the module says (`iram.contract`)."""

    def __init__(self, model: nn.Module, against: int):
        super().__init__()
        self.model, self.against = model, against
        self.train(model.training)

    def forward(self, x: Tensor) -> Tensor:
        return less(self.model(x), self.against)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("model"), name)

    def named_modules(self, *arguments, **options):
        return self.model.named_modules(*arguments, **options)

    def get_submodule(self, target: str) -> nn.Module:
        return self.model.get_submodule(target)


class CallableContrast:
    """The same of what is called and is no torch module."""

    def __init__(self, model, against: int):
        self.model, self.against = model, against

    def __call__(self, x: Tensor) -> Tensor:
        return less(self.model(x), self.against)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def contrast(model, against: int):
    """The model with logits (N, K) less that of class `against`."""
    kind = Contrast if isinstance(model, nn.Module) else CallableContrast
    return kind(model, against)


def less(logits: Tensor, against: int) -> Tensor:
    return logits - logits[:, against : against + 1]


def runner_up(logits: Tensor, target: Tensor) -> Tensor:
    """(N,) the class with the highest logit beside the target."""
    others = logits.scatter(1, target[:, None], -float("inf"))
    return others.argmax(1)


def asked_against(text: str | None, classes: Sequence[str]) -> int | str | None:
    """What `--against` asks of a model with these classes: a class's number, "second", or None.

    Raises:
        InputError: no such class.
    """
    if text is None or text == SECOND:
        return text
    known = [canonical(name) for name in classes]
    if canonical(text) not in known:
        raise InputError("--against: " + unknown("class", text, [*classes, SECOND]))
    return known.index(canonical(text))


def rival_of(logits: Tensor, target: Tensor, against: int | str) -> Tensor:
    """(N,) the class that each picture's target is asked against: the one that is named, or the
    runner-up for "second", and where the target is the very class that is named."""
    second = runner_up(logits, target)
    named = target if against == SECOND else torch.full_like(target, int(against))
    return second.where(named == target, named)


def pairwise(logits: Tensor) -> Tensor:
    """(N, K * K): the logit of class a less that of class b, at a * K + b. So pictures of one batch
    can be asked against classes of their own."""
    return (logits[:, :, None] - logits[:, None]).flatten(1)
