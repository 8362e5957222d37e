"""The search for copies: which pictures of a data set are the same, or nearly, mirrored or not.

Exact copies have the same decoded pixels. Near copies are found on pictures of 16 x 16 cells (area
means) less what a blur over two cells leaves, so that only detail counts: without that, frontal
faces before a dark ground are all alike. Two are near copies if these correlate to `NEAR` or more,
so neither brightness nor contrast matters; mirrored ones if one does with the other's mirror image.

`NEAR` was chosen on FER2013's Training and PublicTest, 30,628 different pictures. By eye, of 80
Training pairs drawn at random from each band, not of one photograph were 16 between 0.82 and 0.84,
7 between 0.84 and 0.86, and 1 between 0.86 and 0.90; above, none was seen. By mirror images, of
which true copies are rare: of 4.7e8 pairs 31 correlate with the other's mirror image to 0.86 or
more (2 of 23 in Training are not of one photograph), and 2,369 without mirroring. So fewer than one
near copy in a hundred is none, and a false one among 28,558 faces is met by fewer than one in 500.
Found are what was compressed (JPEG of quality 20), made noisy (25 gray levels), brighter, of half
the contrast or half the resolution (99% or more of 3,000 faces each), zoomed by 5% (96%) or shifted
by 1 of 48 pixels (75%); not what was shifted by 2 or zoomed by 10%: counts are lower bounds. Where
one camera takes one person again and again before one ground, near copies are other shots of them;
faces drawn from one template (`heads`) resemble each other more often, 4 in 100,000 pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from iram.data.dataset import FaceDataset
from iram.data.on_disk import BLOCK as BYTES
from iram.data.on_disk import let_go
from iram.progress import progress_bar

CELLS = 16
BLUR = 2.0  # cells, standard deviation
NEAR = 0.86
PLAIN = 1.0  # gray levels, standard deviation: less detail than this is nothing to compare
KEPT = 16  # near copies kept of a picture in each split, the most alike: films have thousands
VERSION = 1  # raise it when other pairs are found
KINDS = ("exact", "near", "mirrored")
BLOCK, TILE = 1024, 8192  # pictures compared at once: 32 MB of correlations
COMPONENTS = 48  # of the 256 numbers of a picture, to rule pairs out by
ROUNDING = 1e-4
MOST = 2_000_000  # pairs held before the less alike are dropped


def pictures(dataset: FaceDataset) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the place of the first picture with the same pixels, and (N, 16) uint8 hashes.

    Reads every picture of the data set once, a few at a time.
    """
    hashes = np.empty((len(dataset), 16), dtype=np.uint8)
    for rows, pixels in _blocks(dataset, np.arange(len(dataset))):
        for row, face in zip(rows, pixels, strict=True):
            digest = hashlib.blake2b(np.ascontiguousarray(face), digest_size=16).digest()
            hashes[row] = np.frombuffer(digest, dtype=np.uint8)
    _, first, inverse = np.unique(hashes.view("V16").ravel(), return_index=True,
                                  return_inverse=True)
    return first[inverse], hashes


def near_pairs(
    dataset: FaceDataset, chosen: np.ndarray, splits: np.ndarray, shown: bool = False
) -> pd.DataFrame:
    """Near and mirrored copies among different pictures.

    Args:
        chosen: the pictures to compare, places in the data set.
        splits: (N,) a number for each picture's split; of each picture the `KEPT` most alike in
            every split are kept, before it and after it.
        shown: show a progress bar.

    Returns:
        One row a pair, `a` < `b` (places in the data set), `kind` (near or mirrored: what fits
        better) and `correlation`.
    """
    detail, compared = _details(dataset, chosen)
    detail, places = detail[compared], chosen[compared]
    basis, found = _basis(detail), _Pairs(splits)
    bounds = _bounds(detail, basis)
    with progress_bar(shown=shown, total=len(places), unit="face", desc="copies",
                      delay=2, leave=False) as bar:
        for start in range(0, len(places), BLOCK):
            block = detail[start : start + BLOCK]
            flipped = block.reshape(-1, CELLS, CELLS)[:, :, ::-1].reshape(block.shape)
            for kind, part in enumerate((block, flipped), start=1):
                bound = _bounds(part, basis)
                for left in range(start, len(places), TILE):
                    tile = slice(left, left + TILE)
                    i, j = np.nonzero(bound @ bounds[tile].T >= NEAR - ROUNDING)
                    i, j = (one[j + left > i + start] for one in (i, j))
                    r = _correlations(part, detail[tile], i, j)
                    i, j, r = (one[r >= NEAR] for one in (i + start, j + left, r))
                    found.add(places[i], places[j], kind, r)
            bar.update(len(block))
    return found.table()


def _basis(detail: np.ndarray) -> np.ndarray:
    """(256, 48): the directions in which some thousand pictures differ most."""
    sample = detail[:: max(1, len(detail) // 4096)].astype(np.float64)
    return np.linalg.eigh(sample.T @ sample)[1][:, -COMPONENTS:].astype(np.float32)


def _bounds(detail: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(n, 49): rows whose products are no smaller than the pictures' correlations: what is seen in
    the basis, and the length of the rest, of which Cauchy and Schwarz tell the largest product. So
    a fifth of the work rules nearly all pairs out."""
    seen = detail @ basis
    rest = np.sqrt(np.clip(1 - (seen**2).sum(axis=1, keepdims=True), 0, 1))
    return np.hstack([seen, rest])


def _correlations(a: np.ndarray, b: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Of the pictures a[i] with b[j]."""
    if len(i) > len(a) * len(b) // 64:
        return (a @ b.T)[i, j]
    return np.einsum("ij,ij->i", a[i], b[j])


class _Pairs:
    """Pairs as they are found; of each picture only the most alike in each split stay."""

    def __init__(self, splits: np.ndarray):
        self.splits, self.parts, self.held = splits, [], 0

    def add(self, a: np.ndarray, b: np.ndarray, kind: int, correlation: np.ndarray) -> None:
        if len(a):
            self.parts.append(pd.DataFrame({
                "a": np.minimum(a, b), "b": np.maximum(a, b), "kind": np.int8(kind),
                "correlation": correlation.astype(np.float32),
            }))
            self.held += len(a)
            if self.held > MOST:
                self.parts = [self._best()]
                self.held = len(self.parts[0])

    def _best(self) -> pd.DataFrame:
        pairs = pd.concat(self.parts).sort_values(
            ["correlation", "a", "b"], ascending=[False, True, True], ignore_index=True
        ).drop_duplicates(["a", "b"], ignore_index=True)
        keep = np.zeros(len(pairs), dtype=bool)
        for this, other in (("a", "b"), ("b", "a")):
            within = [pairs[this].to_numpy(), self.splits[pairs[other].to_numpy()]]
            keep |= (pairs.groupby(within).cumcount() < KEPT).to_numpy()
        return pairs[keep]

    def table(self) -> pd.DataFrame:
        if not self.parts:
            return no_pairs()
        pairs = self._best().sort_values(["a", "b"], ignore_index=True)
        return pairs.assign(kind=np.array(KINDS)[pairs["kind"]])


def no_pairs() -> pd.DataFrame:
    """A table of pairs without a row."""
    return pd.DataFrame({
        "a": np.zeros(0, np.int64), "b": np.zeros(0, np.int64), "kind": np.zeros(0, str),
        "correlation": np.zeros(0, np.float32),
    })


def _details(dataset: FaceDataset, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 256) float32 of mean 0 and length 1, and which of them have detail enough."""
    detail = np.zeros((len(chosen), CELLS * CELLS), dtype=np.float32)
    enough = np.zeros(len(chosen), dtype=bool)
    means, blur, at = _area_means(dataset.size), _blur(), 0
    for _, pixels in _blocks(dataset, chosen):
        cells = means @ pixels.astype(np.float32) @ means.T
        fine = (cells - blur @ cells @ blur.T).reshape(len(cells), -1)
        fine -= fine.mean(axis=1, keepdims=True)
        length = np.linalg.norm(fine, axis=1)
        here = slice(at, at + len(cells))
        enough[here] = length >= PLAIN * CELLS
        detail[here] = fine / np.maximum(length, 1e-6)[:, None]
        at += len(cells)
    return detail, enough


def _area_means(size: int) -> np.ndarray:
    """(16, size) float32: the share that each pixel of a line has in the mean of each cell."""
    edges = np.linspace(0, size, CELLS + 1)[:, None]
    before = np.clip(edges - np.arange(size), 0, 1)  # the share of each pixel before each edge
    inside = before[1:] - before[:-1]
    return (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)


def _blur() -> np.ndarray:
    """(16, 16) float32: a Gaussian blur of a line of cells, its weights inside the line only."""
    apart = np.arange(CELLS)[:, None] - np.arange(CELLS)
    weights = np.exp(-0.5 * (apart / BLUR) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _blocks(dataset: FaceDataset, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and their pixels, about 32 MB at a time."""
    step = max(1, BYTES // dataset.size**2)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        yield part, dataset.read_pixels(part)
        let_go(dataset._pixels)
