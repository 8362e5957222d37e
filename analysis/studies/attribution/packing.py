"""How maps are kept: as half floats, in shares of each map's largest absolute value."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor


def packed(maps: Tensor) -> dict[str, object]:
    """Columns `scale` and `map` of maps (N, H, W)."""
    scale = maps.abs().amax((1, 2))
    halves = (maps / scale.where(scale > 0, 1)[:, None, None]).half().numpy()
    return {"scale": scale, "map": [values.astype("<f2").tobytes() for values in halves]}


def unpacked(rows: pd.DataFrame, size: int) -> Tensor:
    """(N, size, size) float16 in [-1, 1]: maps but for their scale, which no score depends on."""
    flat = np.frombuffer(b"".join(rows["map"]), dtype="<f2").astype(np.float16)
    return torch.from_numpy(flat.copy()).view(len(rows), size, size)
