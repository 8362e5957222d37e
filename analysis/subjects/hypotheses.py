"""The hypotheses and their decision rules, as data; docs/protocol.md tells why they are so, and
what of them was changed after which look at results.

A hypothesis is asked in strata: classes of fill (`FILL_CLASSES`) x stages of the net (`STAGES`).
In each it needs all of its components: its effect, and that each control does not explain the
effect away. A component is shown if its mean is above the margin in the claimed direction, and
absent if it is below (no effect worth the name, or the opposite one). From strata to classes of
fill to the whole:

              supported takes                           refuted takes
    stratum   the largest p of its components           the smallest times their number
    class     the smallest of its stages, times their   the largest of its stages
              number: one stage is enough
    whole     the largest of its classes: all are       the smallest times their number
              needed

(intersection-union where all are needed, Bonferroni where one is enough). A hypothesis is

    not tested   if a class lacks the weights or conditions that it needs, whatever the others say,
    refuted      if under one class of fill no stage of the net shows it,
    supported    if it is shown under each class, and what it presupposes is supported,
    undecided    otherwise, and of one training seed always,

and whatever it is as a whole, it *holds under* the classes where it is shown. H1 is judged by
itself at `ALPHA`, all others together at `ALPHA` (Holm); under which classes each holds likewise.
"Learned", "more than others" and "to what is expressive" presuppose, class by class, that attention
leaves at all; a refutation presupposes nothing.

So nothing inside the margin is ever supported, and of a mean that the margin's two sides can't tell
apart nothing is said.
"""

from dataclasses import dataclass, field

from analysis.subjects.roles import EXPOSURE, PERMUTED, RANDOM_LABELS, TWIN

ALPHA = 0.05  # of each of the two families
CHANGE, ELSEWHERE = "effective_change", "effective_elsewhere_change"  # what movement is measured by
FALL = 0.05  # log units: the region's features reach the next block 5% weaker, against the face's
GAIN = 0.01  # log units: 1% of the visible face's attention
LOGITS = 0.05  # of the true-class margin: about 1.1 points of accuracy, 5% of what occlusion costs
EXPRESSIVE = 0.01  # log units: 1% of the expressive regions' share
ACTS = 0.01  # of accuracy: an attention whose pattern is worth less than a point does not act

FILL_CLASSES = {
    "flat": ("mean",),
    "noise": ("noise",),
    "texture": ("texture", "phase_scrambled", "other_class", "same_class"),
    "object": ("object",),
}
"""Class -> the fills of it that enter verdicts; others are reported only."""
SHAMMED = ("flat", "noise", "texture")  # an object is drawn on the face, and never beside it
REPLACED = ("flat", "noise", "object")  # where attention is replaced
REAL = "real"  # the class of really occluded faces
STAGES = ("early", "middle", "late")
WHOLE = "all"  # layers replaced at once; or, in tables, the mean over stages or classes


def stage_of(layer: int, layers: int) -> str:
    """The third of the net's depth that a layer, counted from 0, lies in."""
    return STAGES[3 * layer // layers]


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
        classes: of fill that have it; () is all of its hypothesis.
        of: a control whose own quantity it is; "" is the model under study.
    """

    name: str
    measure: str
    direction: int
    margin: float
    unit: str = "log share"
    versus: str = ""
    classes: tuple[str, ...] = ()
    of: str = ""


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
        classes, stages: the strata in which it is asked; stages that a net lacks are left out.
    """

    key: str
    claim: str
    title: str = field(repr=False)  # the record of a run is of what was tested
    components: tuple[Component, ...]
    only: tuple[str, ...] = ()
    presupposes: str = ""
    classes: tuple[str, ...] = tuple(FILL_CLASSES)
    stages: tuple[str, ...] = STAGES

    def asked(self, kind: str) -> tuple[Component, ...]:
        """Its components under a class of fill."""
        return tuple(c for c in self.components if not c.classes or kind in c.classes)


LEAVES = Component("leaves", CHANGE, -1, FALL)


def _more_than(control: str) -> Component:
    return Component(f"more than {control}", CHANGE, -1, FALL, versus=control)


HYPOTHESES = (
    Hypothesis(
        "H1", "attention leaves the occluded region beyond the mechanical null",
        "leaves the occluded region",
        (LEAVES,
         Component("mechanical: the visible face gains", "visible_gain", +1, GAIN, "log attention"),
         Component("mechanical: it gains more than beside a sham", "visible_gain", +1, GAIN,
                   "log attention", "sham", SHAMMED),
         Component("permuted masks", CHANGE, -1, FALL, versus=ELSEWHERE),
         Component("sham", CHANGE, -1, FALL, versus="sham", classes=SHAMMED)),
    ),
    Hypothesis("H2a", "more than with its weights permuted", "more than with permuted weights",
               (_more_than(PERMUTED),), presupposes="H1"),
    Hypothesis("H2b", "more than the activation of the net without attention",
               "more than the twin without attention",
               (_more_than(TWIN),), presupposes="H1"),
    Hypothesis("H2c", "more than of a net that learned random labels",
               "more than with shuffled labels",
               (_more_than(RANDOM_LABELS),), presupposes="H1"),
    Hypothesis(  # of the erased nets, whatever the base model does
        "H2d", "erasing in training teaches it: nets that saw erasing show more",
        "taught by erasing in training",
        (Component("exposure", CHANGE, +1, FALL, versus=EXPOSURE),
         Component("nets that saw erasing leave", CHANGE, -1, FALL, of=EXPOSURE)),
    ),
    Hypothesis(
        "H3", "its movement raises the true-class margin", "its movement raises the margin",
        (Component("indirect effect", "clean", +1, LOGITS, "logits"),
         Component("more than any change as large", "clean", +1, LOGITS, "logits",
                   "change_elsewhere")),
        classes=REPLACED, stages=(WHOLE,),
    ),
    Hypothesis("H4", "it does so on really occluded faces", "leaves really occluded regions",
               (Component("real faces", "real", -1, FALL),), classes=(REAL,)),
    Hypothesis(
        "H5", "it goes to regions that are visible and expressive",
        "goes to visible, expressive regions",
        (Component("expressive", "expressive_change", +1, EXPRESSIVE),
         Component("other expressions' regions", "expressive_change", +1, EXPRESSIVE,
                   versus="expressive_other_change")),
        presupposes="H1",
    ),
    Hypothesis("H6", "IRAM shows more of it than SE, ECA and CBAM",
               "more of it than SE, ECA and CBAM",
               tuple(_more_than(name) for name in ("se", "eca", "cbam")),
               ("iram",), "H1"),
)
FAMILIES = (("H1",), tuple(h.key for h in HYPOTHESES if h.key != "H1"))
TITLES = {h.key: h.title for h in HYPOTHESES}
