"""Fixtures that several test files share."""

import os
from pathlib import Path

import numpy as np
import pytest

USAGES = ("Training", "PublicTest", "PrivateTest")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """A cache folder of the test's own, so that no test sees another's entries."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("IRAM_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("real-cache")


@pytest.fixture
def iram_data(real_cache, monkeypatch) -> Path:
    """The folder of real data (fer2013/, ran_lists/) named by IRAM_DATA; decoded once a run."""
    if not os.environ.get("IRAM_DATA"):
        pytest.skip("IRAM_DATA names no folder with fer2013/fer2013.csv.xz and ran_lists/")
    monkeypatch.setenv("IRAM_CACHE", str(real_cache))
    return Path(os.environ["IRAM_DATA"])


def faces(count: int, size: int = 48, seed: int = 0) -> np.ndarray:
    """(count, size, size) uint8 noise."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, size, size), dtype=np.uint8)


def fer_rows(count: int = 12) -> list[list[str]]:
    """Rows of [emotion, pixels, Usage]: every emotion, all three usages in turn."""
    return [
        [str(i % 7), " ".join(map(str, face.ravel())), USAGES[i % 3]]
        for i, face in enumerate(faces(count))
    ]


def write_csv(path: Path, rows: list[list[str]], header: str = "emotion,pixels,Usage") -> Path:
    path.write_text("\n".join([header, *map(",".join, rows)]) + "\n")
    return path


def write_votes(path: Path, rows: list[list[str]], counts: list[list[int]] | None = None) -> Path:
    """FERPlus votes for FER2013 rows; seven for the row's place in the classes by default."""
    header = (
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    )
    lines = [header]
    for i, row in enumerate(rows):
        votes = counts[i] if counts else [7 if j == i % 8 else 0 for j in range(8)] + [3, 0]
        lines.append(f"{row[2]},fer{i:07d}.png," + ",".join(map(str, votes)))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def fer_csv(tmp_path) -> Path:
    """A FER2013 CSV of 12 faces: lines 2 to 13, all usages."""
    return write_csv(tmp_path / "fer2013.csv", fer_rows())
