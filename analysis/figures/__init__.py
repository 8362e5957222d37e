"""Figures: tables in, Display objects out (`plot()`, then `figure_`); no model is loaded here."""

from analysis.figures.attention import AttentionPanel
from analysis.figures.occlusion import OcclusionCurves
from analysis.figures.pose import PoseCurves
from analysis.figures.sheet import PoseSheet
from analysis.figures.style import save
from analysis.figures.training import ModuleDifferences, TrainingCurves

__all__ = [
    "AttentionPanel",
    "ModuleDifferences",
    "OcclusionCurves",
    "PoseCurves",
    "PoseSheet",
    "TrainingCurves",
    "save",
]
