"""The hypotheses and their decision rules, as data, written before anything was run.

A hypothesis is a claim that needs all of its components: its effect, and that each control does not
explain the effect away. It is

    not tested   if a component lacks the weights or conditions that it needs, whatever the others
                 say, or if what it presupposes is not tested,
    refuted      if a component is shown to be absent: its mean is below the margin, so that there
                 is no effect worth the name (equivalence) or the opposite one,
    supported    if every component is shown: its mean is above the margin in the claimed direction,
                 and what it presupposes is supported,
    undecided    otherwise.

So nothing inside the margin is ever supported, and of a mean that the margin's two sides can't tell
apart nothing is said. "Learned", "helps" and "more than others" presuppose that attention leaves at
all: where it does not, that a control does even less is no finding.

Supported takes the largest p of the components (intersection-union), refuted the smallest times
their number (Bonferroni); both then go through Holm over the hypotheses of a model, at `ALPHA`.
"""

from dataclasses import dataclass

from analysis.studies.shift.controls import PERMUTED, TEXTURED
from analysis.studies.shift.inference import ALPHA
from analysis.subjects.roles import EXPOSURE, RANDOM_LABELS, TWIN

__all__ = ["ALPHA", "HYPOTHESES", "Component", "Hypothesis"]

FALL = 0.05  # log units: 5% of the region's share
GAIN = 0.01  # log units: 1% of the visible face's attention
STANDARD = 0.1  # standard deviations of the map
LOGITS = 0.05  # of the true-class margin
EXPRESSIVE = 0.01  # log units: 1% of the expressive regions' share


@dataclass(frozen=True)
class Component:
    """One quantity per image, whose mean is tested.

    Attributes:
        name: in the results.
        measure: of the cells (`analysis.studies.shift.describe.describe`), an intervention, or
            "real".
        direction: the claimed sign of the mean, +1 or -1.
        margin: above which the mean, in its direction, is an effect worth the name.
        unit: of the mean and the margin.
        versus: what is subtracted, image by image: a measure of the same cell, a control model
            ("twin", "permuted-weights", "random-labels", "exposure", or an attention module), the
            "sham", or "" for nothing (so that the mean is tested against 0).
        fills: the fills under which it is measured; () is all.
        of: a control whose own quantity it is; "" is the model under study.
    """

    name: str
    measure: str
    direction: int
    margin: float
    unit: str = "log share"
    versus: str = ""
    fills: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """A claim about one model with attention.

    Attributes:
        key: H1 to H6.
        claim: in words.
        components: all are needed; the first is the effect that is reported.
        only: the attention modules that it is about; () is all.
        presupposes: the key of a hypothesis without which it claims nothing; "" for none.
    """

    key: str
    claim: str
    components: tuple[Component, ...]
    only: tuple[str, ...] = ()
    presupposes: str = ""


LEAVES = Component("leaves", "mass_change", -1, FALL)


def _more_than(control: str) -> Component:
    return Component(f"more than {control}", "standard_change", -1, STANDARD, "SD of map", control)


def _more_than_module(module: str) -> Component:
    return Component(f"more than {module}", "mass_change", -1, FALL, versus=module)


HYPOTHESES = (
    Hypothesis(
        "H1", "attention leaves the occluded region beyond the mechanical null",
        (LEAVES,
         Component("mechanical: the visible face gains", "visible_gain", +1, GAIN, "log attention"),
         Component("mechanical: it gains more than beside a sham", "visible_gain", +1, GAIN,
                   "log attention", "sham"),
         Component("permuted masks", "mass_change", -1, FALL, versus="elsewhere_change"),
         Component("sham", "mass_change", -1, FALL, versus="sham"),
         Component("matched textures", "mass_change", -1, FALL, fills=TEXTURED)),
    ),
    Hypothesis("H2a", "more than with its weights permuted", (_more_than(PERMUTED),),
               presupposes="H1"),
    Hypothesis("H2b", "more than the activation of the net without attention",
               (_more_than(TWIN),), presupposes="H1"),
    Hypothesis("H2c", "more than of a net that learned random labels",
               (_more_than(RANDOM_LABELS),), presupposes="H1"),
    Hypothesis(  # of the erased nets, whatever the base model does
        "H2d", "erasing in training teaches it: nets that saw erasing show more",
        (Component("exposure", "mass_change", +1, FALL, versus=EXPOSURE),
         Component("nets that saw erasing leave", "mass_change", -1, FALL, of=EXPOSURE)),
    ),
    Hypothesis(
        "H3", "its movement raises the true-class margin",
        (Component("indirect effect", "clean", +1, LOGITS, "logits"),
         Component("more than any change as large", "clean", +1, LOGITS, "logits",
                   "change_elsewhere")),
        presupposes="H1",
    ),
    Hypothesis("H4", "it does so on really occluded faces",
               (Component("real faces", "real", -1, FALL),)),
    Hypothesis(
        "H5", "it goes to regions that are visible and expressive",
        (Component("expressive", "expressive_change", +1, EXPRESSIVE),
         Component("other expressions' regions", "expressive_change", +1, EXPRESSIVE,
                   versus="expressive_other_change")),
        presupposes="H1",
    ),
    Hypothesis("H6", "IRAM shows more of it than SE, ECA and CBAM",
               tuple(_more_than_module(name) for name in ("se", "eca", "cbam")), ("iram",), "H1"),
)
