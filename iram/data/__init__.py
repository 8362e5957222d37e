"""Face data sets behind one call: `open_dataset("fer2013:PATH", split="test")`.

A data set is a function registered in `DATASETS` that returns a `FaceDataset`; its keyword-only
parameters are the options that a specification may carry (`folder:DIR,size=100`).
"""

from iram.data.classes import match_classes
from iram.data.dataset import DATASETS, FaceDataset, Problem
from iram.data.specs import open_dataset

__all__ = ["DATASETS", "FaceDataset", "Problem", "match_classes", "open_dataset"]

# Importing a loader registers it; no folder is scanned.
from iram.data import fer2013, ferplus, folder, rafdb, rendered  # noqa: F401
