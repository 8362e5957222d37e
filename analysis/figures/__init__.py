"""Figures: tables in, Display objects out (`plot()`, then `figure_`); no model is loaded here.

`registry.FIGURES` lists them all; `iram figures` makes them.
"""

from analysis.figures.agreement import AgreementMatrix
from analysis.figures.attention import AttentionPanel
from analysis.figures.calibration import VerdictRates
from analysis.figures.copies import CopyForest
from analysis.figures.example import ExamplePanel
from analysis.figures.faithfulness import FaithfulnessCurves, FaithfulnessForest, SanityForest
from analysis.figures.importance import ImportanceMatrix
from analysis.figures.inside import Prototypes, StreamShares
from analysis.figures.interventions import InterventionForest
from analysis.figures.make import draw
from analysis.figures.mediation import Mediation
from analysis.figures.modules import LostForest, ModuleForest
from analysis.figures.occlusion import OccluderForest, OcclusionCurves
from analysis.figures.pose import MeasuredYaw, PoseCurves
from analysis.figures.real import RealForest, RealShiftForest
from analysis.figures.save import save
from analysis.figures.sheet import ContactSheet
from analysis.figures.shift import FillForest, StageForest, VerdictForest
from analysis.figures.style import using
from analysis.figures.summary import Summary
from analysis.figures.training import ModuleDifferences, TrainingCurves
from analysis.figures.zoo import ZooScatter

__all__ = [
    "AgreementMatrix",
    "AttentionPanel",
    "ContactSheet",
    "CopyForest",
    "ExamplePanel",
    "FaithfulnessCurves",
    "FaithfulnessForest",
    "FillForest",
    "ImportanceMatrix",
    "InterventionForest",
    "LostForest",
    "MeasuredYaw",
    "Mediation",
    "ModuleDifferences",
    "ModuleForest",
    "OccluderForest",
    "OcclusionCurves",
    "PoseCurves",
    "Prototypes",
    "RealForest",
    "RealShiftForest",
    "SanityForest",
    "StageForest",
    "StreamShares",
    "Summary",
    "TrainingCurves",
    "VerdictForest",
    "VerdictRates",
    "ZooScatter",
    "draw",
    "save",
    "using",
]
