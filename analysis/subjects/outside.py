"""A model from outside, as the study takes its own: faces in, logits out, attention open."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from analysis.attributions.hooks import features
from analysis.attributions.places import Layout, brought
from analysis.stimuli.resizing import luma, resize_pictures
from analysis.subjects.answers import Known
from analysis.subjects.attention import read_map, write_map
from analysis.subjects.description import Description
from analysis.subjects.file_net import FileNet
from analysis.subjects.mistakes import told_by_user
from analysis.subjects.outputs import choice_told, logits_in
from analysis.subjects.process import process_kept
from analysis.subjects.turns import TURN, kept
from iram import contract
from iram.errors import InputError, listing
from iram.model import Replacement, Trace

Act = Callable[[int, Tensor], Tensor | None]


class OutsideModel(nn.Module):
    """Faces (N, 1, H, W), or in colour (N, 3, H, W), in [0, 1], of any size -> logits (N, K).

    It brings them to the net's size (bilinear, antialiased), repeats gray for RGB (and makes gray
    of colour for a net that takes gray), normalises, and makes logits of what the net gives. So
    gradients and masks are those of the faces as the data set has them. No state is kept between
    calls.

    Attributes:
        net: a torch module, or any callable from pictures (N, C, S, S) to outputs. A `FileNet`
            says what it can never do.
        size: S, pixels a side of what the net sees.
        classes: under the names that its description maps them to, in the order of its logits.
        input_size: None: it takes faces of any size.
        takes: the type of the faces that it is given, whatever that of the net's weights is.
        where: the net's file, for messages.
        lacks: {what it can't: why}, of "gradients", "layers", "attention", "interventions" (in
            its attention), "weights" (that could be randomised) and "copies" (of itself).
        never: what of these such a net can't do, whatever is named.
        stages: {module: where its places are}, of modules whose outputs stand for its blocks where
            it has no attention.
        cam_layer, cam_reshape: the layer that the description names for class activation maps,
            and where its places are; None: they are found (see
            `analysis.attributions.layers.chosen`).
        alone: why it is asked one picture at a time; "" where it is not.
        known: what its results are known by, where it was loaded from a file.
        in_turn: whether it answers one thread at a time; see `turns`.
        notes: what else there is to say of it.
    """

    input_size = None
    takes = torch.float32

    def __init__(self, net: Callable, description: Description, where: str = ""):
        super().__init__()
        self.net, self.description, self.where = net, description, where or description.name
        self.name, self.seed = description.name, description.seed
        self.size, self.classes = description.input_size, description.data_classes
        told = net if isinstance(net, FileNet) else FileNet()
        self.lacks: dict[str, str] = dict(told.lacks)
        self.never = tuple(told.lacks)
        self.stages: dict[str, Layout] = {}
        self.cam_layer, self.cam_reshape = description.layer, description.reshape
        self.known: Known | None = None
        self.in_turn = False
        self.alone = told.alone or _as_it_runs(net)
        if self.alone:  # what follows reads whole batches, and no gradient passes rounding
            why = f"it is {self.alone}, and asked one picture at a time"
            alone = ("gradients", "layers", "attention", "interventions")
            self.lacks = dict.fromkeys(alone, why) | self.lacks
        self.notes: tuple[str, ...] = (
            f"{self.alone}, by numbers of the whole batch: it is asked one picture at a time",
        ) if self.alone else ()
        mean, std = (torch.tensor(one).double().view(-1, 1, 1).expand(description.channels, 1, 1)
                     for one in (description.mean, description.std))
        self.register_buffer("mean", mean.float(), persistent=False)
        self.register_buffer("gain", (1 / std).float(), persistent=False)

    @property
    def has_attention(self) -> bool:
        return self.description.attention is not None and "attention" not in self.lacks

    @property
    def layers(self) -> tuple[str, ...]:
        """The modules that put out attention."""
        return self.description.attention.layers if self.has_attention else ()

    @property
    def gates(self) -> tuple[str, ...]:
        """The same modules by their names here."""
        return tuple(f"net.{name}" for name in self.layers)

    @property
    def channels(self) -> int:
        """3 for a net that takes RGB, 1 for a gray one."""
        return self.description.channels

    @property
    def num_layers(self) -> int:
        return len(self.layers) or len(self.stages) or 1

    def forward(self, images: Tensor) -> Tensor:
        pictures = self.prepared(images)
        if self.alone and len(pictures) > 1:
            return torch.cat([self.logits_of(one) for one in pictures.split(1)])
        return self.logits_of(pictures)

    def prepared(self, images: Tensor) -> Tensor:
        """(N, C, S, S): what the net sees, in the type of its weights; all before is in single
        precision."""
        if images.shape[1] == 3 and self.channels == 1:
            images = luma(images)
        pictures = resize_pictures(images.float(), self.size)
        pictures = pictures - self.mean  # repeats gray for RGB as well
        pictures *= self.gain  # in place: at 224 px a copy costs as much as a layer
        return pictures.to(self.dtype)

    def take_turns(self, images: Tensor) -> None:
        """Finds, by several pictures, whether it has to answer one thread at a time; of a net that
        fails at them, that is told elsewhere."""
        if not isinstance(self.net, nn.Module) or isinstance(self.net, FileNet):
            return
        with contextlib.suppress(InputError), process_kept():
            found = kept(self.net, self, images)
            self.in_turn = bool(found)
            self.notes += (f"it keeps numbers of a pass in itself ({found}), and is asked by one "
                           "worker at a time",) * self.in_turn

    def tell_choice(self, images: Tensor) -> None:
        """Notes which of several outputs that fit is taken; of a net that fails at several
        pictures, that is told elsewhere."""
        with contextlib.suppress(InputError), process_kept(), torch.no_grad():
            with told_by_user(self.where):
                returned = self.net(self.prepared(images))
            self.notes += tuple(choice_told(returned, len(images), len(self.classes)))

    def trace(self, images: Tensor) -> Trace:
        """The logits with every attention map (N, C, h, w) and, of a model without attention, the
        outputs (N, C, h, w) of its stages."""
        seen: dict[int, Tensor] = {}
        reading = self._reading(lambda layer, own: seen.__setitem__(layer, own))
        with reading if self.has_attention else self._features(seen):
            logits = self(images)
        found = [seen[i] for i in sorted(seen)]
        return Trace(logits, found if self.has_attention else [], found)

    @contextlib.contextmanager
    def intervene(self, replacements: Mapping[int, Replacement]) -> Iterator["OutsideModel"]:
        """Replaces the attention of chosen layers; see `iram.model.FERClassifier.intervene`.

        Raises:
            InputError: the model has no attention, no such layer, or a map of another shape.
        """
        chosen = {self._layer(k): v for k, v in replacements.items()}

        def act(layer: int, own: Tensor) -> Tensor | None:
            new = chosen.get(layer)
            return new(own) if callable(new) else new

        with self._reading(act):
            yield self

    def _layer(self, index: int) -> int:
        if not self.has_attention:
            raise InputError(f"model '{self.name}' has no attention to intervene on")
        if not -len(self.layers) <= index < len(self.layers):
            raise InputError(f"no attention layer {index}; there are 0 to {len(self.layers) - 1}")
        return index % len(self.layers)

    @contextlib.contextmanager
    def _reading(self, act: Act) -> Iterator[None]:
        """`act(layer, own map)` at every attention layer; what it returns replaces the map."""
        told = self.description.attention

        def hook(index: int, name: str):
            patches = told.patches(index)

            def replace(module, arguments, output):
                own = read_map(output, name, told.read, patches)
                new = act(index, own)
                if new is None:
                    return None
                return write_map(output, own, new.to(own), name, told.read, patches)

            return replace

        with self.hooked({n: hook(i, n) for i, n in enumerate(told.layers if told else ())}):
            yield

    @contextlib.contextmanager
    def _features(self, seen: dict[int, Tensor]) -> Iterator[None]:
        def hook(index: int, layout: Layout):
            return lambda module, arguments, output: seen.__setitem__(
                index, brought(features(output), layout, (self.size, self.size))
            )

        with self.hooked({name: hook(i, layout)
                          for i, (name, layout) in enumerate(self.stages.items())}):
            yield

    @contextlib.contextmanager
    def hooked(self, hooks: Mapping[str, Callable]) -> Iterator[None]:
        """Hooks on modules of the net, for the passes of this thread alone."""
        thread = threading.get_ident()

        def own(hook):
            def of_this_thread(*arguments):
                return hook(*arguments) if threading.get_ident() == thread else None

            return of_this_thread

        handles = []
        try:
            for name, hook in hooks.items():
                handles.append(self.net.get_submodule(name).register_forward_hook(own(hook)))
            yield
        finally:
            for handle in handles:
                handle.remove()

    @property
    def dtype(self) -> torch.dtype:
        """Of the net's weights."""
        weights = self.net.parameters() if isinstance(self.net, nn.Module) else ()
        floating = (w.dtype for w in weights if w.is_floating_point())
        return next(floating, torch.float32)

    def logits_of(self, pictures: Tensor) -> Tensor:
        """(N, K) in single precision or better, of pictures as the net sees them; see
        `outputs.logits_in`."""
        with told_by_user(self.where), TURN if self.in_turn else contextlib.nullcontext():
            outputs = self.net(pictures)
        count = len(pictures) * contract.copies()
        logits = logits_in(outputs, count, len(self.classes), self.where)
        if self.description.output == "probabilities":
            tiny = torch.finfo(torch.float32).tiny
            return logits.float().clamp(min=tiny).log()
        return logits


def _as_it_runs(net) -> str:
    """Why a torch net has to be asked one picture at a time: parts of it take the scales of their
    numbers from the whole batch; "" if there are none."""
    modules = net.modules() if isinstance(net, nn.Module) else ()
    found = {type(m).__name__ for m in modules if "quantized.dynamic" in type(m).__module__}
    return f"quantised as it runs (dynamic {listing(sorted(found))})" if found else ""
