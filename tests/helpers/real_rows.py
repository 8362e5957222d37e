"""Rows of a model on faces of the lists, and of the table that is made of them."""

import numpy as np
import pandas as pd

CLASSES = ("angry", "happy", "sad")


def made(kinds, labels, hits, **columns):
    """Faces of these kinds, and the rows of a model that is right where it hits."""
    n = len(kinds)
    faces = pd.DataFrame({
        "image_id": [f"face{i}" for i in range(n)], "real_occlusion": kinds, "pose_30": False,
        "pose_45": False, **columns,
    })
    labels, hits = np.array(labels), np.array(hits, bool)
    rows = pd.DataFrame({
        "image_id": faces["image_id"], "label": labels, "correct": hits,
        "prediction": np.where(hits, labels, (labels + 1) % len(CLASSES)), "confidence": 0.5,
        "margin": 0.0, "occlusion_fraction": 0.3,
    })
    return faces, rows


def found(table, group, metric, labels="own"):
    (row,) = table[(table["group"] == group) & (table["metric"] == metric)
                   & (table["labels"] == labels)].itertuples()
    return row
