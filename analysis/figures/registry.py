"""Every figure and printed table of the study, as data: its title, its section of the report, what
it is made of, and by what command.

Tables are named by where they stand below the folder of results. One of your own is declared in
its own file: `declare(Figure("name", MyDisplay, ("occlusion/summary.csv",), title="In words"))`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from analysis.figures import importance, inside, interventions, printed, printed_zoo, shift
from analysis.figures.agreement import AgreementMatrix
from analysis.figures.authority import AuthorityForest
from analysis.figures.away import AwayCurve, AwayForest
from analysis.figures.calibration import VerdictRates
from analysis.figures.copies import CopyForest
from analysis.figures.display import Display
from analysis.figures.example import ExamplePanel
from analysis.figures.faithfulness import FaithfulnessCurves, FaithfulnessForest, SanityForest
from analysis.figures.importance import ImportanceMatrix
from analysis.figures.inside import Prototypes, StreamShares
from analysis.figures.interactions import CoveredMatrix, InteractionMatrix
from analysis.figures.interventions import InterventionForest
from analysis.figures.latex import PrintedTable
from analysis.figures.mediation import Mediation
from analysis.figures.modules import LostForest, ModuleForest
from analysis.figures.multiverse import SpecificationCurve
from analysis.figures.names import one_per_family
from analysis.figures.occlusion import OccluderForest, OcclusionCurves, fills
from analysis.figures.pose import MeasuredYaw, PoseCurves
from analysis.figures.real import RealForest, RealShiftForest
from analysis.figures.sections import DATA, section_of
from analysis.figures.shift import FillForest, StageForest, VerdictForest
from analysis.figures.summary import Summary
from analysis.figures.training import ModuleDifferences, TrainingCurves
from analysis.figures.zoo import ZooScatter
from iram.errors import InputError

Choice = tuple[str, Callable[[pd.DataFrame], list[str]], str]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What figures and printed tables have in common.

    Attributes:
        title: in words, for the report.
        section: of the report, a name in SECTIONS; "" is the folder of its first table.
        command: what makes its tables, with OUT for their folder and FILE for their name, one for
            all or one each; "" is that of their folder's section.
        optional: tables that it can do without, its next arguments.
    """

    title: str
    section: str = ""
    command: str | tuple[str, ...] = ""
    optional: tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """The section of the report in which it stands."""
        return self.section or self.tables[0].partition("/")[0]

    def commands(self) -> dict[str, str]:
        """table -> the command that makes it, where it has one of its own."""
        several = isinstance(self.command, tuple)
        each = self.command if several else (self.command,) * len(self.tables)
        return {table: one for table, one in zip(self.tables, each, strict=True) if one}


@dataclass(frozen=True)
class Figure(Declared):
    """Attributes:
    name: of its files.
    display: tables -> Display.
    tables: what it is made of, the display's first arguments.
    each: an argument of the display; the values in the first table of which there is a figure
        each, its name with the value; and what the table lacks if there are none.
    """

    name: str
    display: Callable[..., Display]
    tables: tuple[str, ...]
    each: Choice | None = field(default=None, repr=False, kw_only=True)

    def displays(self, tables: dict) -> list[tuple[str, Display]]:
        """(name, display) of each of its figures.

        Raises:
            InputError: there is nothing to draw in the tables.
        """
        given = [tables.get(name) for name in (*self.tables, *self.optional)]
        if self.each is None:
            return [(self.name, self.display(*given))]
        argument, values, lacking = self.each
        found = values(given[0])
        if not found:
            raise InputError(f"{lacking} in {self.tables[0]}")
        return [(f"{self.name}_{value}", self.display(*given, **{argument: value}))
                for value in found]


@dataclass(frozen=True)
class Printed(Declared):
    """Attributes:
    name: of its files.
    table: tables -> PrintedTable.
    tables: what it is made of.
    """

    name: str
    table: Callable[..., PrintedTable]
    tables: tuple[str, ...]


FIGURES: list[Figure] = []
TABLES: list[Printed] = []
Item = TypeVar("Item", Figure, Printed)


def declare(*items: Item) -> None:
    """Adds figures or printed tables to those that are drawn, listed and reported.

    Raises:
        ValueError: there is one of this name.
    """
    for item in items:
        kind = FIGURES if isinstance(item, Figure) else TABLES
        if item.name in {one.name for one in kind}:
            raise ValueError(f"{type(item).__name__} '{item.name}' is declared twice")
        kind.append(item)


SEEDS = f"iram bench {DATA} --models iram,iram-seed5,none,none-seed5 --out OUT"
ERASING = ("iram bench --data fer2013:fer2013.csv --models iram-erasing-noise,"
           "runs/grid-study/none-erasing-noise-seed0.safetensors --out OUT")
OWN_SURFACES = (f"iram bench {DATA} --models iram,none,cbam --conditions pose "
                "--landmarks landmarks.npz --out OUT")
YAW = "iram landmarks --data {} --limit 200 --yaw=-45,-30,-15,0,15,30,45 --out OUT/FILE"
AWAY = ("--data fer2013:fer2013.csv --models runs/grid-away/iram-away-seed0.safetensors,"
        "runs/grid-away/none-away-consistency-seed0.safetensors --out OUT")
TAUGHT_AWAY = {"tables": ("away/shift/by_fill.csv", "away/trained/modules.csv",
                          "away/held_out/modules.csv"),
               "command": (f"iram shift {AWAY}", *[f"iram bench {AWAY}"] * 2)}
EACH_MODEL = "model", lambda table: one_per_family(table["model"]), "no model"
REAL = f"iram bench {DATA} --models iram,none,cbam --ran-lists ran_lists --out OUT"

declare(
    Figure("summary", Summary, ("shift/verdicts.csv", "shift/strata.csv"), section="verdicts",
           title="The study in one picture",
           optional=("occlusion/summary.csv", "occlusion/robustness.csv", "example/example.npz")),
    Figure("accuracy_against_fraction", OcclusionCurves, ("occlusion/summary.csv",),
           title="Accuracy against the occluded share of the face",
           each=("fill", fills, "no occluder at a fraction of the face")),
    Figure("lost_by_occluder", LostForest, ("occlusion/robustness.csv",),
           title="What each occluder takes of what both nets recognise"),
    Figure("drop_by_occluder", OccluderForest, ("occlusion/occluders.csv",),
           title="What each occluder costs"),
    Figure("lost_by_occluder_heads", LostForest, ("heads/robustness.csv",),
           title="What each occluder takes of the rendered heads that both nets recognise"),
    Figure("drop_by_occluder_heads", OccluderForest, ("heads/occluders.csv",),
           title="What each occluder costs rendered heads"),
    Figure("lost_by_module", LostForest, ("occlusion/modules.csv",), command=SEEDS,
           title="What occlusion takes of what a module and its reference recognise, over their "
           "training seeds"),
    Figure("drop_by_module", ModuleForest, ("occlusion/modules.csv",), command=SEEDS,
           title="What occlusion costs each module, over its training seeds"),
    Figure("drop_by_module_erasing", ModuleForest, ("erasing/modules.csv",), section="occlusion",
           title="What occlusion costs nets that saw erasing in training", command=ERASING),
    Figure("importance", ImportanceMatrix, ("occlusion/importance.csv",),
           title="Which region each expression leans on",
           each=("model", importance.models, "no occluder that has its random box (`box`)")),
    Figure("accuracy_against_pose", PoseCurves, ("pose/summary.csv",),
           title="Accuracy against head pose"),
    Figure("accuracy_against_pose_own_surfaces", PoseCurves, ("pose/own_surfaces/summary.csv",),
           title="Accuracy against head pose, by each face’s own surface", command=OWN_SURFACES),
    Figure("accuracy_against_pose_heads", PoseCurves, ("heads/summary.csv",),
           title="Accuracy against the pose of rendered heads"),
    Figure("measured_yaw", MeasuredYaw,
           ("pose/measured_yaw_fer2013.csv", "pose/measured_yaw_heads.csv"),
           title="Measured against requested yaw",
           command=(YAW.format("fer2013:fer2013.csv"), YAW.format("heads"))),
    Figure("example", ExamplePanel, ("example/example.npz",),
           title="One face before and after an occluder"),
    Figure("agreement", AgreementMatrix, ("attribution/agreement.csv",),
           title="How alike the methods’ maps are", each=EACH_MODEL),
    Figure("faithfulness", FaithfulnessForest, ("attribution/faithfulness.csv",),
           title="How faithful each method is", optional=("attribution/modules.csv",)),
    Figure("faithfulness_curves", FaithfulnessCurves, ("attribution/curves.csv",),
           title="Perturbation curves", each=EACH_MODEL),
    Figure("sanity", SanityForest, ("attribution/sanity.csv",),
           title="What becomes of maps as weights are random or the picture hardly changes",
           optional=("attribution/modules.csv",)),
    Figure("interactions", InteractionMatrix, ("attribution/interactions.csv",),
           title="Which regions work together", each=EACH_MODEL),
    Figure("covered", CoveredMatrix, ("attribution/interactions.csv",),
           title="What a region gains as another is covered", each=EACH_MODEL),
    Figure("attention_shift", VerdictForest, ("shift/strata.csv",),
           title="Every hypothesis under every class of fill"),
    Figure("attention_shift_by_stage", StageForest, ("shift/strata.csv",),
           title="Whether attention leaves, by fill and stage of the net"),
    Figure("attention_shift_by_fill", FillForest, ("shift/by_fill.csv",),
           title="The shift, fill by fill",
           each=("model", shift.models, "no model whose attention can move")),
    Figure("multiverse", SpecificationCurve, ("shift/multiverse.csv",),
           title="What every choice of measure, fills and layers would have said"),
    Figure("authority", AuthorityForest, ("shift/authority.csv",),
           title="How far each attention acts"),
    Figure("away", AwayForest, **TAUGHT_AWAY,
           title="Attention that was taught to look away, and what occlusion then costs"),
    Figure("away_curve", AwayCurve, **TAUGHT_AWAY,
           title="How far attention leaves, against what occlusion costs"),
    Figure("interventions", InterventionForest, ("shift/interventions.csv",),
           title="What happens if attention is replaced",
           each=("model", interventions.models, "no model whose attention was replaced")),
    Figure("mediation", Mediation, ("shift/mediation.csv",),
           title="How much of the loss attention’s movement carries"),
    Figure("real_occlusion", RealForest, ("occlusion/real_synthetic.csv",), command=REAL,
           title="Real occluders beside painted ones: accuracy"),
    Figure("real_attention_shift", RealShiftForest, ("shift/real.csv",),
           title="Real occluders beside painted ones: attention"),
    Figure("verdict_rates", VerdictRates, ("calibration/rates.csv",),
           title="How often each verdict comes out where the truth is known"),
    Figure("robustness_against_accuracy", ZooScatter, ("zoo/zoo.csv",),
           title="How robust each net is against how good"),
    Figure("prototypes", Prototypes, ("zoo/prototypes.csv",),
           title="The face that a bidirectional net draws of each class",
           each=("model", inside.models, "no prototypes")),
    Figure("streams", StreamShares, ("zoo/streams.csv",),
           title="What each stream of a net carries", each=("model", inside.models, "no streams")),
    Figure("training_curves", TrainingCurves, ("training/curves.csv", "training/ledger.csv"),
           title="Training curves"),
    Figure("module_differences", ModuleDifferences, ("training/accuracy.csv",),
           title="Each attention module against none"),
    Figure("ablation", ModuleDifferences, ("training/ablation.csv",),
           title="Each of IRAM’s switches"),
    Figure("copies", CopyForest, ("training/copies.csv",),
           title="Test faces that are copies of training faces"),
)
declare(
    Printed("occluders", printed.occluders, ("occlusion/occluders.csv", "occlusion/robustness.csv"),
            title="Drop of accuracy by occluder"),
    Printed("poses", printed.poses, ("pose/summary.csv",), title="Accuracy by pose"),
    Printed("real", printed.real, ("occlusion/real.csv",), command=REAL,
            title="Accuracy on really occluded and turned faces"),
    Printed("verdicts", printed.verdicts, ("shift/verdicts.csv",), section="verdicts",
            title="The verdict on every hypothesis"),
    Printed("methods", printed.methods, ("attribution/ranking.csv",),
            title="Rank correlation with exact Shapley values"),
    Printed("zoo", printed_zoo.nets, ("zoo/zoo.csv",), title="Nets side by side"),
    Printed("zoo_occluders", printed_zoo.occluders, ("zoo/occlusion/modules.csv",),
            title="What each occluder takes of what each net and its reference recognise",
            command=f"iram bench {DATA} --models iram,none,cbam --out OUT"),
    Printed("modules", printed.modules, ("training/accuracy.csv",),
            title="Accuracy of every module"),
    Printed("ablation", printed.modules, ("training/ablation.csv",),
            title="Accuracy without each of IRAM’s switches"),
)


def command_of(table: str, results: str = "results") -> str:
    """The command that makes a table, where it is looked for; "" if none was declared."""
    folder, _, file = table.rpartition("/")
    own = (item.commands()[table] for item in (*FIGURES, *TABLES) if table in item.commands())
    command = next(own, section_of(table.partition("/")[0]).command)
    return command.replace("OUT", f"{results}/{folder}").replace("FILE", file)
