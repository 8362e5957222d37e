"""Trials of a method: metrics that ask it again, of changed pictures or of a changed model.

A trial is a function (case) -> (value, chance), (N,) float64 each, one per face of the case: NaN
where undefined. Chance is the same with the map of another face, explained for the same class, in
the place of what is put to the test.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.metrics.curves import Logits
from analysis.metrics.sanity import cascade
from iram.once import found_once
from iram.registry import Registry

TRIALS = Registry("trial of a method", better="higher", chance=None, family="sanity", test="",
                  layer="none", needs=(), faces="sanity", quick=False, maps=1, passes=0)
"""What is told of a trial beside title, direction and chance:

- family: the table that it is in, "sanity" or "faithfulness";
- test, layer: what it changes, in the columns of the table of sanity;
- needs: of a model, of "weights" (that can be changed), "layers" (that can be read) and "covering"
  (its training covered faces);
- faces: the size of the suite that says on how many faces it is taken;
- quick: only of methods of one pass that depend on the picture;
- maps, passes: how many maps, and forward passes beside, it costs a face.
"""

STABLE, NEAR = 10, 0.05  # perturbed pictures a face, and the noise's standard deviation in grays


def _as_they_are(logits: Tensor) -> Tensor:
    return logits


@dataclass
class Case:
    """A method's maps of N faces by one model; both can be asked again.

    Attributes:
        model: in eval mode; its weights are given back as they were.
        images: (N, C, S, S).
        target: (N,) which of `scores` is explained.
        maps: (N, S, S) of the images.
        partner: (N,) which of the faces is another one explained for the same class; -1 for none.
        explain: (images (B, C, S, S), places (B,)) -> maps (B, S, S): of pictures made from the
            faces of these places, explained for their targets.
        logits: images (B, C, S, S) -> (B, K), of the classes.
        scores: logits (B, K) -> (B, ...), what can be explained; as they are, unless a class is
            asked against another one.
        features: images (B, C, S, S) -> (B, ...), what the model makes of them inside.
        generators: purpose -> a generator for each face, known by the face alone.
        weights: purpose -> a generator for random weights.
        layers: modules in the order in which they lose their weights; see `cascade`.
        fill: of covered pixels, which the model knows from its training; "" for none.
        batch_size: pictures that are shown or explained at once.
    """

    model: nn.Module
    images: Tensor
    target: Tensor
    maps: Tensor
    partner: Tensor
    explain: Callable[[Tensor, Tensor], Tensor]
    logits: Logits
    generators: Callable[[str], Sequence[torch.Generator]]
    weights: Callable[[str], torch.Generator]
    features: Callable[[Tensor], Tensor] | None = None
    layers: Sequence[str] | None = None
    fill: str = ""
    scores: Callable[[Tensor], Tensor] = _as_they_are
    batch_size: int = 20

    def others(self, values: Tensor) -> Tensor:
        """(N, ...) float64: each face's partner's value; NaN where it has none."""
        found = values.double()[self.partner.clamp_min(0)]
        found[self.partner < 0] = torch.nan
        return found

    def noisy(self, purpose: str, count: int, sd: float | Tensor) -> Tensor:
        """(N, count, C, S, S): the images plus Gaussian noise, not clipped.

        Args:
            sd: standard deviation, one for all or something like (N, 1, 1, 1, 1).
        """
        shape = count, *self.images.shape[1:]
        draws = [torch.randn(shape, generator=one) for one in self.generators(purpose)]
        return self.images[:, None] + sd * torch.stack(draws).to(self.images)

    def explained(self, pictures: Tensor) -> Tensor:
        """(N, n, S, S) float64: maps of pictures (N, n, C, S, S) made from the N faces."""
        return self._asked(pictures, self.explain)

    def answered(self, pictures: Tensor, ask: Callable[[Tensor], Tensor]) -> Tensor:
        """(N, n, ...) float64: what `logits` or `features` say of pictures (N, n, C, S, S)."""
        return self._asked(pictures, lambda some, _: ask(some))

    def _asked(self, pictures: Tensor, ask: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        faces, count = pictures.shape[:2]
        places = torch.arange(faces).repeat_interleave(count)
        found = [ask(some, of).detach().cpu().double() for some, of in zip(
            pictures.flatten(0, 1).split(self.batch_size), places.split(self.batch_size),
            strict=True)]
        return torch.cat(found).unflatten(0, (faces, count))

    @contextlib.contextmanager
    def without_weights(self) -> Iterator[None]:
        """All of the model's weights are random in here: those of the end of its `cascade`."""
        with cascade(self.model, self.weights("cascade"), layers=self.layers) as stages:
            for _ in stages:
                pass
            yield

    @found_once
    def near(self) -> "Near":
        """Pictures that hardly differ, made once for all trials that look at them."""
        pictures = self.noisy("stability", STABLE, NEAR)
        both = torch.cat([self.images[:, None], pictures], 1)
        logits = self.answered(both, self.logits)
        return Near(pictures, self.explained(pictures), logits)


@dataclass(frozen=True)
class Near:
    """Perturbed pictures of N faces, n each.

    Attributes:
        pictures: (N, n, C, S, S).
        maps: (N, n, S, S) of the pictures.
        logits: (N, 1 + n, K) of the face as it is, and of the pictures.
    """

    pictures: Tensor
    maps: Tensor
    logits: Tensor

    @property
    def stays(self) -> Tensor:
        """(N, n) bool: the prediction is that of the face as it is."""
        predicted = self.logits.argmax(2)
        return predicted[:, 1:] == predicted[:, :1]
