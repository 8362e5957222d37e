"""The hypotheses and their decision rules, as data; docs/protocol.md tells what of them was changed
after which look at results.

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

from dataclasses import dataclass, field

from analysis.subjects.roles import EXPOSURE, PERMUTED, RANDOM_LABELS, TWIN
from iram.attention import ATTENTION

ALPHA = 0.05  # of the decision rules, after Holm
TEXTURED = ("noise", "phase_scrambled", "other_class", "same_class", "texture")
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
        title: in figures.
    """

    name: str
    measure: str
    direction: int
    margin: float
    unit: str = "log share"
    versus: str = ""
    fills: tuple[str, ...] = ()
    of: str = ""
    title: str = field(default="", repr=False)  # the record of a run is of what was tested


@dataclass(frozen=True)
class Hypothesis:
    """A claim about one model with attention.

    Attributes:
        key: H1 to H6.
        claim: in words.
        title: the same in figures, in fewer.
        components: all are needed; the first is the effect that is reported.
        only: the attention modules that it is about; () is all.
        presupposes: the key of a hypothesis without which it claims nothing; "" for none.
    """

    key: str
    claim: str
    title: str = field(repr=False)
    components: tuple[Component, ...]
    only: tuple[str, ...] = ()
    presupposes: str = ""


LEAVES = Component("leaves", "mass_change", -1, FALL, title="share on the region falls")


def _more_than(control: str, title: str) -> Component:
    return Component(f"more than {control}", "standard_change", -1, STANDARD, "SD of map", control,
                     title=f"more than {title}")


def _more_than_module(module: str) -> Component:
    return Component(f"more than {module}", "mass_change", -1, FALL, versus=module,
                     title=f"more than {ATTENTION.title(module)}")


HYPOTHESES = (
    Hypothesis(
        "H1", "attention leaves the occluded region beyond the mechanical null",
        "leaves the occluded region",
        (LEAVES,
         Component("mechanical: the visible face gains", "visible_gain", +1, GAIN, "log attention",
                   title="the visible face gains (mechanical null)"),
         Component("mechanical: it gains more than beside a sham", "visible_gain", +1, GAIN,
                   "log attention", "sham", title="more than beside a patch off the face"),
         Component("permuted masks", "mass_change", -1, FALL, versus="elsewhere_change",
                   title="more than for another face's mask"),
         Component("sham", "mass_change", -1, FALL, versus="sham",
                   title="more than for a patch beside the face"),
         Component("matched textures", "mass_change", -1, FALL, fills=TEXTURED,
                   title="also when filled with texture")),
    ),
    Hypothesis("H2a", "more than with its weights permuted", "more than with permuted weights",
               (_more_than(PERMUTED, "with permuted weights"),), presupposes="H1"),
    Hypothesis("H2b", "more than the activation of the net without attention",
               "more than the twin without attention",
               (_more_than(TWIN, "the activation of the twin without"),), presupposes="H1"),
    Hypothesis("H2c", "more than of a net that learned random labels",
               "more than with shuffled labels",
               (_more_than(RANDOM_LABELS, "with shuffled labels"),), presupposes="H1"),
    Hypothesis(  # of the erased nets, whatever the base model does
        "H2d", "erasing in training teaches it: nets that saw erasing show more",
        "taught by erasing in training",
        (Component("exposure", "mass_change", +1, FALL, versus=EXPOSURE,
                   title="nets that saw erasing show more"),
         Component("nets that saw erasing leave", "mass_change", -1, FALL, of=EXPOSURE,
                   title="and their share on the region falls")),
    ),
    Hypothesis(
        "H3", "its movement raises the true-class margin", "its movement raises the margin",
        (Component("indirect effect", "clean", +1, LOGITS, "logits",
                   title="natural indirect effect on the margin"),
         Component("more than any change as large", "clean", +1, LOGITS, "logits",
                   "change_elsewhere", title="more than a change as large elsewhere")),
        presupposes="H1",
    ),
    Hypothesis("H4", "it does so on really occluded faces", "leaves really occluded regions",
               (Component("real faces", "real", -1, FALL,
                          title="share on the real occlusion falls"),)),
    Hypothesis(
        "H5", "it goes to regions that are visible and expressive",
        "goes to visible, expressive regions",
        (Component("expressive", "expressive_change", +1, EXPRESSIVE,
                   title="share on the expression's regions rises"),
         Component("other expressions' regions", "expressive_change", +1, EXPRESSIVE,
                   versus="expressive_other_change",
                   title="more than on other expressions' regions")),
        presupposes="H1",
    ),
    Hypothesis("H6", "IRAM shows more of it than SE, ECA and CBAM",
               "more of it than SE, ECA and CBAM",
               tuple(_more_than_module(name) for name in ("se", "eca", "cbam")), ("iram",), "H1"),
)
TITLES = {h.key: h.title for h in HYPOTHESES}
COMPONENT_TITLES = {c.name: c.title for h in HYPOTHESES for c in h.components}
