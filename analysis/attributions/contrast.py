"""Why this class rather than that one: the model whose logits are differences to one class's.

Every method explains a logit, so with these logits it explains the difference.
"""

from typing import Any

from torch import Tensor, nn


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
