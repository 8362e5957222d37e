"""The models under study: whatever maps faces to logits in the data set's class order.

Ours by name or file; any other classifier as FILE.py:factory, FILE.onnx or FILE.pt2 with a
description beside it (see `analysis.subjects.description`).
"""

from analysis.subjects.opening import open_model, open_study, open_subjects
from analysis.subjects.subject import Subject, twin

__all__ = ["Subject", "open_model", "open_study", "open_subjects", "twin"]
