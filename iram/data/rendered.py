"""The name `heads`: loads the renderer, and torch with it, only when heads are opened."""

from iram.data.dataset import DATASETS, FaceDataset


@DATASETS.register("heads", title="rendered heads")
def open_heads(
    *, n: int = 2000, seed: int = 0, size: int = 48, occluded: float = 0.0
) -> FaceDataset:
    """Rendered heads; see `iram.data.heads.open_heads`."""
    from iram.data import heads

    return heads.open_heads(n=n, seed=seed, size=size, occluded=occluded)
