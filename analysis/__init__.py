"""The study: occlusion and pose benchmarks, attribution, and whether attention moves.

Names are loaded on first use, so that `import analysis` alone does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.attributions import attribute
    from analysis.engine.run import Result
    from analysis.stimuli.conditions import Condition
    from analysis.studies.calls import attribution_suite, benchmark, shift
    from analysis.subjects import Subject

_HOME = {
    "Condition": "analysis.stimuli.conditions",
    "Result": "analysis.engine.run",
    "Subject": "analysis.subjects",
    "attribute": "analysis.attributions",
    "attribution_suite": "analysis.studies.calls",
    "benchmark": "analysis.studies.calls",
    "shift": "analysis.studies.calls",
}
__all__ = ["Condition", "Result", "Subject", "attribute", "attribution_suite", "benchmark", "shift"]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'analysis' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
