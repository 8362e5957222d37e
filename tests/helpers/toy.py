"""A tiny data set for tests of training: faces of two kinds, in memory."""

import numpy as np
import pandas as pd

from iram.data import FaceDataset

USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}


def toy_faces(counts=(32, 12, 12), size=16, seed=0, kind=FaceDataset, **options) -> FaceDataset:
    """Faces bright above (class "up") or below ("down"), with noise; counts per split."""
    random = np.random.default_rng(seed)
    total = sum(counts)
    labels = random.integers(0, 2, total)
    labels[: total // 2] = np.arange(total // 2) % 2
    pixels = random.integers(0, 120, (total, size, size)).astype(np.uint8)
    for face, label in zip(pixels, labels, strict=True):
        face[: size // 2] += np.uint8(90 * (label == 0))
        face[size // 2 :] += np.uint8(90 * (label == 1))
    usage = np.repeat(list(USAGES), counts)
    metadata = pd.DataFrame({
        "image_id": [f"face{i}" for i in range(total)],
        "usage": usage, "split": [USAGES[u] for u in usage], "row": range(total),
    })
    return kind(
        name="toy", classes=("up", "down"), labels=labels, metadata=metadata, size=size,
        pixels=pixels, sha256=f"toy-{counts}-{size}-{seed}", **options,
    )
