"""The Information Reuse Attention Module (IRAM) and the models it is compared with.

Names are loaded on first use, so that `import iram` alone does not import torch.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "FaceDataset": "iram.data.dataset",
    "open_dataset": "iram.data",
    "load_model": "iram.weights",
    "build_model": "iram.model",
    "FERClassifier": "iram.model",
    "InputError": "iram.errors",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'iram' has no attribute '{name}'")
