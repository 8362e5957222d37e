"""What a model answers to fixed pictures, by which it is known as far as files don't tell."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.engine.store import cell_key
from analysis.subjects.process import process_kept
from iram.errors import InputError
from iram.threads import one_thread

COUNT, SIZE = 3, 48  # of the pictures
ALIKE = 1e-3  # of the logits' own spread: what rounding may change in single precision
SAME = 1e-5  # of it: what it changes from one processor to another, for the very same passes
GRID = 5e-3  # of it: the steps of the answers in a key


def pictures(count: int = COUNT, size: int = SIZE) -> Tensor:
    """(count, 1, size, size): smooth random gray, the same at every call."""
    draws = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return F.interpolate(draws, (size, size), mode="bicubic").clamp(0, 1)


def spread(logits: Tensor) -> float:
    """Of a picture's logits, in the mean."""
    return float(logits.float().std(1).mean().clamp(min=1e-6))


def alike(model: nn.Module) -> float:
    """What rounding may change, as a share of the spread: more in half precision."""
    floating = [p.dtype for p in model.parameters() if p.is_floating_point()]
    return max([ALIKE, *(8 * torch.finfo(dtype).eps for dtype in floating)])


def numbers(logits: Tensor, name: str, condition: str = "") -> Tensor:
    """The logits (N, K), if all are numbers: of others argmax still names a class.

    Args:
        name: of the model.
        condition: under which the pictures were shown; "" for none.

    Raises:
        InputError: NaN or infinite ones, with the model and of how many pictures.
    """
    if broken := int((~logits.isfinite()).any(1).sum()):
        under = f" under '{condition}'" * bool(condition)
        raise InputError(f"model '{name}'{under} gives logits that are not numbers, for {broken} "
                         f"of {len(logits)} pictures")
    return logits


@dataclass(frozen=True)
class Known:
    """What a model is known by.

    Attributes:
        content: a hash of what can be read of it: weights, sources, description.
        answers: (COUNT, K) its logits for `pictures()`, None where it gives none.
        tolerance: share of their spread by which the same model's may differ on another processor.
    """

    content: str
    answers: tuple[tuple[float, ...], ...] | None
    tolerance: float = SAME

    @property
    def key(self) -> str:
        """A hash of both, the answers rounded.

        Steps are GRID of the spread. Of 4000 random nets of seven classes whose 21 answers were
        moved, each by up to a step, every key changed; by up to a tenth of it, 66%. By up to a
        millionth of the spread, as another processor rounds, 0.2% did: their cells are computed
        again, unless the folder tells that it is the same net (see `agrees`).
        """
        if self.answers is None:
            return self.content
        answers = torch.tensor(self.answers, dtype=torch.float64)
        width = spread(answers.nan_to_num(0, 0, 0))
        step = max(GRID, 4 * self.tolerance) * 2.0 ** round(math.log2(width))
        rounded = [[one if math.isnan(one) or math.isinf(one) else round(one / step)
                    for one in row] for row in self.answers]
        return cell_key(content=self.content, answers=rounded, step=step)

    def agrees(self, other: "Known | None") -> bool:
        """Whether the other is the same model, by contents that are equal and answers that differ
        by rounding alone."""
        if other is None or self.content != other.content:
            return False
        if self.answers is None or other.answers is None:
            return self.answers == other.answers
        own, others = (torch.tensor(one.answers, dtype=torch.float64) for one in (self, other))
        allowed = self.tolerance * spread(own.nan_to_num(0, 0, 0))
        return own.shape == others.shape and torch.allclose(own, others, 0, allowed, True)

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping) -> "Known":
        answers = told["answers"]
        return cls(told["content"], answers and tuple(map(tuple, answers)), told["tolerance"])


def known_by(model: nn.Module, content: str, device: str = "cpu") -> Known:
    """What a model from outside is known by; it is asked on the CPU, by one thread, if it runs
    there, and moved to the device if it does not."""
    tolerance = max([SAME, *(2 * torch.finfo(p.dtype).eps for p in model.parameters()
                             if p.dtype in (torch.float16, torch.bfloat16))])
    for place in dict.fromkeys(("cpu", device)):
        try:
            with process_kept(), one_thread(), torch.no_grad(), torch.random.fork_rng(devices=[]):
                torch.random.default_generator.manual_seed(0)  # of a net that is left to chance
                logits = model.to(place)(pictures().to(place)).double().cpu()
            return Known(content, tuple(map(tuple, logits.tolist())), tolerance)
        except InputError:  # told where it is examined
            continue
    return Known(content, None, tolerance)
