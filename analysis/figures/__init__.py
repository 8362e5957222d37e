"""Figures: tables in, Display objects out (`plot()`, then `figure_`); no model is loaded here."""

from analysis.figures.agreement import AgreementMatrix
from analysis.figures.attention import AttentionPanel
from analysis.figures.faithfulness import FaithfulnessForest
from analysis.figures.importance import ImportanceMatrix
from analysis.figures.occlusion import OcclusionCurves
from analysis.figures.photograph import FacePanel, PhotographOverview
from analysis.figures.pose import PoseCurves
from analysis.figures.real import RealForest
from analysis.figures.sheet import ContactSheet
from analysis.figures.style import save
from analysis.figures.training import ModuleDifferences, TrainingCurves

__all__ = [
    "AgreementMatrix",
    "AttentionPanel",
    "ContactSheet",
    "FacePanel",
    "FaithfulnessForest",
    "ImportanceMatrix",
    "ModuleDifferences",
    "OcclusionCurves",
    "PhotographOverview",
    "PoseCurves",
    "RealForest",
    "TrainingCurves",
    "save",
]
