"""Which yaw a turned face has by FaceMesh's measure, beside the yaw that was asked for."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.engine.statistics import LEVEL, RESAMPLES
from analysis.stimuli.conditions import Condition
from analysis.stimuli.perturb import pose
from analysis.stimuli.pose.own import own_pose
from iram.data.dataset import FaceDataset
from iram.progress import progress_bar
from iram.seeds import derived_seed

BATCH = 64


def measure_yaw(
    dataset: FaceDataset, finder: Callable[[np.ndarray], np.ndarray], yaws: Sequence[float],
    progress: bool = True,
) -> np.ndarray:
    """(len(yaws), N): the yaw in degrees of each face turned by each of `yaws`, NaN if not found.

    Faces are turned as the benchmark turns them, so photographs from the pose that they have and
    by `dataset.landmarks` where these are known; each turned picture is then looked at by
    `finder` (`analysis.stimuli.landmarks.finder.Finder`).
    """
    measured = np.full((len(yaws), len(dataset)), np.nan)
    with progress_bar(shown=progress, total=measured.size, unit="face") as bar:
        for row, yaw in zip(measured, yaws, strict=True):
            bar.set_description(f"yaw {yaw:+g}", refresh=False)
            for start in range(0, len(dataset), BATCH):
                part = slice(start, start + BATCH)
                turned = pose(dataset, part, Condition(yaw_deg=yaw)).images[:, 0]
                pictures = turned.mul(255).round().byte().numpy()
                row[part] = own_pose(np.stack([finder(picture) for picture in pictures]))[:, 0]
                bar.update(len(pictures))
    return measured


def yaw_table(measured: np.ndarray, yaws: Sequence[float], seed: int = 0) -> pd.DataFrame:
    """What was measured (len(yaws), N) at each yaw, against the same faces at 0.

    Returns:
        One row a yaw: `requested_yaw_deg`; `n` faces and `found`, the share of them that were found
        at this yaw; `paired`, how many were found both here and at 0; `measured_yaw_deg`, the
        median over these of the yaw here less that at 0, with the ends of its 95% percentile
        bootstrap interval over faces, `low` and `high` (NaN if there are none).
    """
    base = measured[list(yaws).index(0)]
    rows = []
    for yaw, found in zip(yaws, measured, strict=True):
        change = (found - base)[np.isfinite(found - base)]
        median, low, high = _median(change, seed)
        rows.append({
            "requested_yaw_deg": yaw, "n": len(found), "found": np.isfinite(found).mean(),
            "paired": len(change), "measured_yaw_deg": median, "low": low, "high": high,
        })
    return pd.DataFrame(rows)


def _median(values: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The median and its interval; it is no function of sums, so resamples are drawn here."""
    if not len(values):
        return np.nan, np.nan, np.nan
    generator = np.random.default_rng(derived_seed(seed, "measured yaw"))
    drawn = generator.integers(0, len(values), (RESAMPLES, len(values)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.median(values[drawn], 1), [tail, 1 - tail])
    return float(np.median(values)), float(low), float(high)
