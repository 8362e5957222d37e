"""The training recipe: every choice is a field, with its reason."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from iram.errors import InputError
from iram.registry import unknown


@dataclass(frozen=True)
class Recipe:
    """How a model is trained from scratch on faces of about 48 px.

    Usual values for FER2013 from scratch, the same for every attention module. A search around them
    on PublicTest (grid "recipe": 12 epochs, one change at a time, one seed) has found nothing that
    beats them beyond its interval; less augmentation comes nearest (64.3 against 63.3%).

    Attributes:
        epochs: passes over the training split. More help (published runs take 250-300); 30 is
            what two cores do in half an hour.
        batch_size: 64 is fastest on two cores in bf16, and its noise regularises.
        lr: peak learning rate of SGD with Nesterov momentum; it goes up linearly for `warmup` of
            the steps, since large early steps break a fresh net, then down to 0 on a cosine.
        muon: peak learning rate of Muon, which then steps the kernels of convolutions in SGD's
            place (`iram.training.optimizer`), since its loss falls faster over the first epochs;
            0 is off.
        muon_decay: decay of those kernels, decoupled from the gradient and so on another scale
            than `weight_decay`. It has not been searched.
        weight_decay: on weights only, not on biases, norms or per-channel gains.
        label_smoothing: FER2013's labels are wrong in about a third of the faces.
        flip: faces are nearly symmetric, and so are their expressions.
        rotation: degrees either way; faces in the wild are tilted.
        shift, scale: shares of the side either way; FER2013's crops are loose by this much.
        brightness, contrast: additive share and relative gain either way; for lighting.
        start_size: side in pixels of the pictures in the first step; 0 is the full size. It goes
            up linearly, in steps of 8, to the full size at `grown` of all steps (as in Tan & Le,
            ICML 2021): coarse features come first, and cheap.
        grown: share of the steps after which pictures are of full size.
        ema: decay of the exponential moving average of weights and batch-norm statistics over the
            steps, which is what is validated and kept (Polyak & Juditsky 1992; Izmailov et al.,
            UAI 2018); 0 is off. It starts lower, at (1 + step) / (10 + step).
        mixup: alpha of the Beta distribution; 0 is off. It helps over long schedules only.
        erasing: share of the pictures with an erased part; 0 is off. **Off in every base model of
            the study**: a model trained on erased patches has been taught about occlusion.
            With terms that see each face covered too (`iram.training.terms.consistency`) it is the
            share of these copies, and the face beside them stays whole.
        erasing_fill: "noise", "mean", or picture by picture "any" (noise, mean or black) or
            "families" (flat, that is mean or black, noise, and texture); what the test fills with
            should be crossed with this.
        held_out: of these families, the one that training never sees, for the test; "" is none.
        erasing_shape: "rectangle" (anywhere), or "regions": the study's own occluders, that is the
            parts and halves of the mean face, and now and then the rectangle.
        random_labels: the training labels are shuffled among the faces, by the seed, once for all
            epochs; validation and test labels stay true. For the sanity checks: what is learned
            has nothing to do with expressions. There is no best epoch then: the last is taken.
        faces: so many of the training faces, drawn by the seed; 0 is all of them. A small net
            learns few faces by heart much sooner than many.
        votes: share of the target that is the annotators' votes (FERPlus; Barsoum et al., ICMI
            2016), where the data tell them; the rest is the label. 0 is off.
        terms: of the loss, beside cross-entropy, with their weights: "contrastive:0.5", or
            "cross_entropy:0.3+distillation:0.7"; those of `iram.training.terms`.
        teacher: of the term distillation: a name or file of weights, as `iram.load_model` takes it.
        pretrained: likewise, of the same architecture: the weights that training goes on from; ""
            is from scratch. The last epoch is taken, since of few epochs the best one on faces as
            they are is often the first, which has learned least of what is new.
        without_copies: training faces that are copies of validation or test faces, exact, near
            or mirrored (`iram.data.copies`), are left out.
    """

    epochs: int = 30
    batch_size: int = 64
    lr: float = 0.08
    momentum: float = 0.9
    warmup: float = 0.2
    muon: float = 0.0
    muon_decay: float = 0.05
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    flip: bool = True
    rotation: float = 12.0
    shift: float = 0.08
    scale: float = 0.1
    brightness: float = 0.1
    contrast: float = 0.2
    start_size: int = 0
    grown: float = 0.6
    ema: float = 0.0
    mixup: float = 0.0
    erasing: float = 0.0
    erasing_fill: str = "noise"
    erasing_shape: str = "rectangle"
    held_out: str = ""
    random_labels: bool = False
    faces: int = 0
    without_copies: bool = False
    votes: float = 0.0
    terms: str = ""
    teacher: str = ""
    pretrained: str = ""

    def __post_init__(self):
        for name, kind in self.names().items():
            _require(_is_a(kind, getattr(self, name)), name, getattr(self, name), KINDS[kind])
        _require(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        _require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2 (batch norm)")
        _require(self.faces >= 0, "faces", self.faces, "0 (all) or above")
        _require(self.lr > 0, "lr", self.lr, "above 0")
        _require(self.start_size == 0 or self.start_size >= 8, "start_size", self.start_size,
                 "0 (full size) or at least 8")
        _require(0 <= self.ema < 1, "ema", self.ema, "0 (off) or below 1")
        _require(0 < self.momentum < 1, "momentum", self.momentum, "between 0 and 1 (Nesterov)")
        for name in SHARES:
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "0 to 1")
        for name in ("muon", "muon_decay", "weight_decay", "rotation", "mixup"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 (off) or above")
        for name, known in WORDS.items():
            _require(getattr(self, name) in known, name, getattr(self, name),
                     " or ".join(word or "empty" for word in known))
        _require(not self.held_out or self.erasing_fill == "families", "held_out", self.held_out,
                 "empty, unless erasing_fill is families")
        _require(not (self.votes and self.random_labels), "votes", self.votes,
                 "0 with random_labels: shuffled labels have no votes")
        taught = "distillation" in self.term_weights
        _require(bool(self.teacher) == taught, "teacher", self.teacher,
                 "a name or file of weights, for the term distillation" if taught
                 else "empty, without the term distillation")

    @property
    def takes_last(self) -> bool:
        """Whether the last epoch is kept, and none chosen on the validation split."""
        return self.random_labels or bool(self.pretrained)

    @property
    def term_weights(self) -> dict[str, float]:
        """{term of the loss: its weight}."""
        if not self.terms:
            return {"cross_entropy": 1.0}
        from iram.training.terms import term_weights  # it needs torch, and this class

        return term_weights(self.terms)

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping) -> "Recipe":
        """The recipe with these overrides of the defaults.

        Raises:
            InputError: a name that is no field, or a value of the wrong type or range.
        """
        for name in values:
            if name not in cls.names():
                raise InputError(unknown("recipe field", name, cls.names()))
        return cls(**values)

    @classmethod
    def names(cls) -> dict[str, type]:
        """The fields and their types, as the command line offers them."""
        return {field.name: field.type for field in fields(cls)}


WORDS = {"erasing_fill": ("noise", "mean", "any", "families"),
         "erasing_shape": ("rectangle", "regions"),
         "held_out": ("", "flat", "noise", "texture")}
SHARES = ("warmup", "grown", "label_smoothing", "shift", "scale", "brightness", "contrast",
          "erasing", "votes")
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def _is_a(kind: type, value) -> bool:
    """True if a value as JSON would give it can stand for this type; 1 is a number, not a truth."""
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is kind


def _require(right: bool, name: str, value, wanted: str) -> None:
    if not right:
        raise InputError(f"recipe: {name} is {value!r}; it must be {wanted}")
