"""Every figure and printed table of the study, as data: what it is made of, and by what command.

Tables are named by where they stand below the folder of results.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from analysis.figures import agreement, faithfulness, importance, interventions, printed, shift
from analysis.figures.agreement import AgreementMatrix
from analysis.figures.copies import CopyForest
from analysis.figures.display import Display
from analysis.figures.example import ExamplePanel
from analysis.figures.faithfulness import FaithfulnessCurves, FaithfulnessForest
from analysis.figures.importance import ImportanceMatrix
from analysis.figures.interventions import InterventionForest
from analysis.figures.latex import PrintedTable
from analysis.figures.mediation import Mediation
from analysis.figures.modules import ModuleForest
from analysis.figures.occlusion import OccluderForest, OcclusionCurves, fills
from analysis.figures.pose import MeasuredYaw, PoseCurves
from analysis.figures.real import RealForest, RealShiftForest
from analysis.figures.shift import FillForest, VerdictForest
from analysis.figures.summary import Summary
from analysis.figures.training import ModuleDifferences, TrainingCurves
from iram.errors import InputError

Choice = tuple[str, Callable[[pd.DataFrame], list[str]], str]


@dataclass(frozen=True)
class Figure:
    """Attributes:
    name: of its files.
    display: tables -> Display.
    tables: what it is made of, the display's first arguments.
    optional: tables that it can do without, its next arguments.
    each: an argument of the display; the values in the first table of which there is a figure
        each, its name with the value; and what the table lacks if there are none.
    """

    name: str
    display: Callable[..., Display]
    tables: tuple[str, ...]
    optional: tuple[str, ...] = ()
    each: Choice | None = field(default=None, repr=False)

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
class Printed:
    """Attributes:
    name: of its files.
    table: tables -> PrintedTable.
    tables: what it is made of.
    """

    name: str
    table: Callable[..., PrintedTable]
    tables: tuple[str, ...]
    optional: tuple[str, ...] = ()


FIGURES = (
    Figure("summary", Summary, ("shift/verdicts.csv", "shift/components.csv"),
           ("occlusion/summary.csv", "occlusion/robustness.csv", "example/example.npz")),
    Figure("accuracy_against_fraction", OcclusionCurves, ("occlusion/summary.csv",),
           each=("fill", fills, "no occluder at a fraction of the face")),
    Figure("drop_by_occluder", OccluderForest, ("occlusion/occluders.csv",)),
    Figure("drop_by_occluder_heads", OccluderForest, ("heads/occluders.csv",)),
    Figure("drop_by_module", ModuleForest, ("occlusion/modules.csv",)),
    Figure("drop_by_module_erasing", ModuleForest, ("erasing/modules.csv",)),
    Figure("importance", ImportanceMatrix, ("occlusion/importance.csv",),
           each=("model", importance.models, "no occluder that has its random box (`box`)")),
    Figure("accuracy_against_pose", PoseCurves, ("pose/summary.csv",)),
    Figure("accuracy_against_pose_own_surfaces", PoseCurves, ("pose/own_surfaces/summary.csv",)),
    Figure("accuracy_against_pose_heads", PoseCurves, ("heads/summary.csv",)),
    Figure("measured_yaw", MeasuredYaw,
           ("pose/measured_yaw_fer2013.csv", "pose/measured_yaw_heads.csv")),
    Figure("example", ExamplePanel, ("example/example.npz",)),
    Figure("agreement", AgreementMatrix, ("attribution/agreement.csv",),
           each=("model", agreement.models, "no model")),
    Figure("faithfulness", FaithfulnessForest, ("attribution/faithfulness.csv",)),
    Figure("faithfulness_curves", FaithfulnessCurves, ("attribution/curves.csv",),
           each=("model", faithfulness.models, "no model")),
    Figure("attention_shift", VerdictForest, ("shift/components.csv",)),
    Figure("attention_shift_by_fill", FillForest, ("shift/by_fill.csv",),
           each=("model", shift.models, "no model whose attention can move")),
    Figure("interventions", InterventionForest, ("shift/interventions.csv",),
           each=("model", interventions.models, "no model whose attention was replaced")),
    Figure("mediation", Mediation, ("shift/mediation.csv",)),
    Figure("real_occlusion", RealForest, ("occlusion/real_synthetic.csv",)),
    Figure("real_attention_shift", RealShiftForest, ("shift/real.csv",)),
    Figure("training_curves", TrainingCurves, ("training/curves.csv", "training/ledger.csv")),
    Figure("module_differences", ModuleDifferences, ("training/accuracy.csv",)),
    Figure("ablation", ModuleDifferences, ("training/ablation.csv",)),
    Figure("copies", CopyForest, ("training/copies.csv",)),
)
TABLES = (
    Printed("occluders", printed.occluders,
            ("occlusion/occluders.csv", "occlusion/robustness.csv")),
    Printed("poses", printed.poses, ("pose/summary.csv",)),
    Printed("real", printed.real, ("occlusion/real.csv",)),
    Printed("verdicts", printed.verdicts, ("shift/verdicts.csv",)),
    Printed("methods", printed.methods, ("attribution/ranking.csv",)),
    Printed("modules", printed.modules, ("training/accuracy.csv",)),
    Printed("ablation", printed.modules, ("training/ablation.csv",)),
)

DATA = "--data fer2013:fer2013.csv"
YAWS = "--limit 200 --yaw=-45,-30,-15,0,15,30,45"
COMMANDS = {  # the beginning of a table's name -> what makes it; the longest that fits
    "occlusion/": f"iram bench {DATA} --models iram,none,cbam --out OUT",
    "occlusion/modules": f"iram bench {DATA} --models iram,iram-seed1,none,none-seed1 --out OUT",
    "occlusion/real": f"iram bench {DATA} --models iram,none,cbam --ran-lists ran_lists --out OUT",
    "erasing/": f"iram bench {DATA} --models iram-erasing-noise,"
    "runs/grid-study/none-erasing-noise-seed0.safetensors --out OUT",
    "heads/": "iram bench --data heads:n=1000 --models iram-heads,none-heads,se-heads,cbam-heads "
    "--conditions heads --out OUT",
    "pose/": f"iram bench {DATA} --models iram,none,cbam --conditions pose --out OUT",
    "pose/own_surfaces/": f"iram bench {DATA} --models iram,none,cbam --conditions pose "
    "--landmarks landmarks.npz --out OUT",
    "pose/measured_yaw_fer2013": f"iram landmarks {DATA} {YAWS} --out OUT/FILE",
    "pose/measured_yaw_heads": f"iram landmarks --data heads {YAWS} --out OUT/FILE",
    "attribution/": f"iram attribute {DATA} --models iram,none,cbam --limit 500 --out OUT",
    "shift/": f"iram shift {DATA} --models iram,none,cbam --ran-lists ran_lists --out OUT",
    "training/": f"iram models --ledger runs/grid-study --compare runs/grid-study {DATA} --out OUT",
    "example/": "iram example --face 3 --out OUT",
}


def command_of(table: str, results: str = "results") -> str:
    """The command that makes a table, where it is looked for."""
    start = max((start for start in COMMANDS if table.startswith(start)), key=len)
    folder, _, file = table.rpartition("/")
    return COMMANDS[start].replace("OUT", f"{results}/{folder}").replace("FILE", file)
