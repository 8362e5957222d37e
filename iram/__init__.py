"""The Information Reuse Attention Module (IRAM) and the models it is compared with.

Names are loaded on first use, so that `import iram` alone does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iram.data import open_dataset
    from iram.data.dataset import FaceDataset
    from iram.errors import InputError
    from iram.model import FERClassifier, build_model
    from iram.weights import load_model

__version__ = "0.1.0"

_HOME = {
    "FERClassifier": "iram.model",
    "FaceDataset": "iram.data.dataset",
    "InputError": "iram.errors",
    "build_model": "iram.model",
    "load_model": "iram.weights",
    "open_dataset": "iram.data",
}
__all__ = ["FERClassifier", "FaceDataset", "InputError", "build_model", "load_model",
           "open_dataset"]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'iram' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
