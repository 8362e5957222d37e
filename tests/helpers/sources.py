"""Small data sets for the tests, in the forms in which users have them."""

from pathlib import Path

import numpy as np
from PIL import Image

USAGES = ("Training", "PublicTest", "PrivateTest")


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


def changed(path, line, column, value):
    """The CSV with one field of one line (as an editor numbers it) replaced."""
    lines = [row.split(",") for row in path.read_text().splitlines()]
    lines[line - 1][column] = value
    path.write_text("\n".join(map(",".join, lines)) + "\n")
    return path


def write_lists(folder, occlusion, pose_30, pose_45):
    folder.mkdir()
    (folder / "jianfei_occlusion_list.txt").write_bytes(occlusion)
    (folder / "pose_30_ferplus_list.txt").write_bytes(pose_30)
    (folder / "pose_45_ferplus_list.txt").write_bytes(pose_45)
    return folder


def write_pictures(root, names, size=48):
    for face, name in zip(faces(len(names), size), names, strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(root / name)
    return root
