"""The study: occlusion and pose benchmarks, attribution, and whether attention moves.

Names are loaded on first use, so that `import analysis` alone does not import torch.
"""

from importlib import import_module

_HOME = {
    "attribute": "analysis.attributions",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'analysis' has no attribute '{name}'")
