"""The parts that results have: a folder of tables each, and a section of the report."""

from dataclasses import dataclass

DATA = "--data fer2013:fer2013.csv"


@dataclass(frozen=True)
class Section:
    """Attributes:
    name: the folder of its tables.
    title: in the report.
    about: what is measured there, for a reader who may be new to the field.
    command: what makes its tables, with OUT for where; "" if it has none of its own.
    """

    name: str
    title: str
    about: str = ""
    command: str = ""


SECTIONS = {section.name: section for section in (
    Section(
        "verdicts", "Verdicts",
        "Every hypothesis has its decision rule in code; docs/protocol.md tells which rules were "
        "changed after which look at results. An effect inside the margin is none: “yes” and “no” "
        "both have to be shown, and what can’t be told apart stays undecided.",
    ),
    Section(
        "occlusion", "Accuracy under occlusion",
        "Parts of every face are covered, and the same classifiers name its expression again. The "
        "random box of the same area and fill is the control: what a region costs beyond it is due "
        "to the place, and not to the loss of pixels.",
        f"iram bench {DATA} --models iram,none,cbam --out OUT",
    ),
    Section(
        "pose", "Accuracy under head pose",
        "Heads are turned in depth, and hide a part of themselves. All angles are relative to the "
        "face as it was photographed; 0 degrees is passed through the same rendering.",
        f"iram bench {DATA} --models iram,none,cbam --conditions pose --out OUT",
    ),
    Section(
        "heads", "Rendered heads",
        "Occlusion and pose on faces drawn by code. They are easy to tell, and no stand-in for "
        "photographs; but what is hidden of them is known exactly, and anyone can run this.",
        "iram bench --data heads:n=1000 --models iram-heads,none-heads,se-heads,cbam-heads "
        "--conditions heads --out OUT",
    ),
    Section(
        "attribution", "Attention beside attribution methods",
        "Does a map of attention say what the prediction rests on? Every method’s map is held "
        "against exact Shapley values of the face’s regions, and against maps that know nothing of "
        "the face: chance.",
        f"iram attribute {DATA} --models iram,none,cbam --limit 500 --out OUT",
    ),
    Section(
        "shift", "Does attention move?",
        "The change of attention when a region is covered, beside controls that would give one "
        "too: a patch off the face, permuted weights, the same net without attention.",
        f"iram shift {DATA} --models iram,none,cbam --ran-lists ran_lists --out OUT",
    ),
    Section(
        "away", "Attention taught to look away",
        "A positive control: nets whose attention is taught to fall on what is covered. Does it "
        "leave, also under fills that training never painted, and does occlusion then take less?",
    ),
    Section(
        "calibration", "How often the verdicts are right",
        "Small studies of planted nets, whose attention is a closed form: what is true of each is "
        "known. What is false should be supported in at most 5% of the studies, what is true in at "
        "least 80%.",
        "iram calibrate --out OUT",
    ),
    Section(
        "zoo", "Nets side by side",
        "Nets like those of ten similar works, none of which has public code, beside the study’s "
        "and nets that were trained elsewhere: one row each, on the same faces. What the works say "
        "of themselves is of other data, and no target.",
        "iram zoo --models iram,none,cbam --out OUT",
    ),
    Section(
        "training", "Training",
        "How the classifiers came about. The epoch is chosen on the validation split alone.",
        f"iram models --ledger runs/grid-study --compare runs/grid-study {DATA} --out OUT",
    ),
    Section("example", "One face", "A single face before and after an occluder.",
            "iram example --face 3 --out OUT"),
)}
"""In the order of the report."""


def section_of(name: str) -> Section:
    """That of a folder of tables; one that is not listed is called by its name."""
    return SECTIONS.get(name) or Section(name, name.replace("_", " ").capitalize())
