"""Which faces of a photograph each detector finds, how well they are framed, and how fast.

    python tests/benchmarks/bench_faces.py [FER2013.csv] [FACES] [PHOTOGRAPHS]

Rendered heads, and with the CSV 200 (or FACES) faces of FER2013's PublicTest split, are laid into
photographs without faces at places that are known; their surroundings are continued by a blur,
since a crop has none. Counted are faces found (a crop that overlaps the true one by over 0.4) and
other boxes. Of FER2013 also what fits the crop to the box (on even faces), and the accuracy of a
shipped model on the crops of odd ones.

PHOTOGRAPHS is a folder with the pictures that GROUPS names: demo/sample1.jpg to sample6.jpg of the
npm package @vladmandic/face-api 1.7.15, and insightface/data/images/t1.jpg of insightface 2.1's
source. Their people were counted, and the middle and side of each face read off, by eye; a face is
found if the middle of a box lies in it and the box is of half to twice its side.

All counts go into results/photographs/detectors.csv.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageFilter

from iram import load_model, open_dataset
from iram.data.heads import render
from iram.data.images import read_image, read_picture, resized
from iram.photographs import Box, cascade, crop_of, cropped, find_faces, overlap, yunet

HEIGHT, WIDTH = 360, 480
SIDES = (64, 240)  # pixels of a face laid in
HEADS = 100
SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
HIT = 0.4
OUT = Path(__file__).parents[2] / "results" / "photographs" / "detectors.csv"
DETECTORS = {"YuNet": yunet, "Haar cascade": cascade}
GROUPS = {  # x and y of the middle of each face, and its side, in pixels
    "sample1.jpg": [(505, 470, 220), (930, 540, 230), (1580, 320, 220)],
    "sample2.jpg": [(450, 270, 260), (985, 340, 230), (1540, 270, 240)],
    "sample3.jpg": [(690, 470, 260), (1180, 350, 290), (1590, 440, 280)],
    "sample4.jpg": [(335, 320, 260), (745, 185, 240), (1070, 300, 230), (1345, 275, 230)],
    "sample5.jpg": [(870, 215, 210), (1195, 315, 220), (685, 545, 230), (1500, 530, 260),
                    (470, 1015, 270)],
    "sample6.jpg": [(360, 625, 260), (760, 475, 270), (1270, 455, 270), (1585, 410, 290)],
    "t1.jpg": [(110, 330, 130), (320, 210, 125), (520, 340, 145), (795, 410, 120),
               (950, 125, 135), (1180, 335, 120)],
}
rows: list[dict] = []


def sceneries() -> list[np.ndarray]:
    """Photographs without faces: scikit-learn's, whole and in quarters."""
    from sklearn import datasets

    pictures = []
    for name in ("china", "flower"):
        whole = read_image(Path(datasets.__file__).parent / "images" / f"{name}.jpg")
        half, middle = whole.shape[0] // 2, whole.shape[1] // 2
        parts = [whole, *(whole[y : y + half, x : x + middle]
                          for y in (0, half) for x in (0, middle))]
        pictures += [np.asarray(Image.fromarray(part).resize((WIDTH, HEIGHT))) for part in parts]
    return pictures


def laid_in(scenery: np.ndarray, face: np.ndarray, box: Box) -> np.ndarray:
    """The scenery with a face in the box, which fades into it through a third of its side."""
    side, margin = box.width, box.width // 3
    enlarged = np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
    around = Image.fromarray(np.pad(enlarged, margin, mode="edge"))
    soft = np.asarray(around.filter(ImageFilter.GaussianBlur(side / 12)), np.float32)
    sharp = np.asarray(around, np.float32)
    place = np.arange(-margin, side + margin)
    away = np.maximum(-place, place - side + 1).clip(0)
    away = np.maximum(away[:, None], away[None]) / margin  # 0 in the face, 1 at the far edge
    blurred = (4 * away).clip(0, 1)
    shown = (sharp * (1 - blurred) + soft * blurred).round()
    weight = ((1 - away) / 0.6).clip(0, 1)
    canvas = np.pad(scenery.astype(np.float32), margin)
    rows, columns = (slice(at, at + side + 2 * margin) for at in (box.top, box.left))
    canvas[rows, columns] = canvas[rows, columns] * (1 - weight) + shown * weight
    return canvas[margin:-margin, margin:-margin].round().clip(0, 255).astype(np.uint8)


class Trial:
    """Faces laid in, where they are, and which boxes were found; `seconds` of CPU time it took."""

    def __init__(self, faces: np.ndarray, seed: int, detector: str):
        self.detector = detector
        random, places = np.random.default_rng(seed), sceneries()
        self.pictures, self.truth, self.found, self.seconds = [], [], [], 0.0
        for k, face in enumerate(faces):
            side = int(random.integers(*SIDES))
            left, top = (int(random.integers(0, room - side)) for room in (WIDTH, HEIGHT))
            box = Box(left, top, left + side, top + side)
            picture = laid_in(places[k % len(places)], face, box)
            started = time.process_time()
            found = find_faces(picture, detector=DETECTORS[detector])
            self.seconds += time.process_time() - started
            self.pictures.append(picture)
            self.truth.append(box)
            self.found.append([f.box for f in found])

    def best(self, k: int) -> Box | None:
        hits = [box for box in self.found[k] if overlap(crop_of(box), self.truth[k]) > HIT]
        return max(hits, key=lambda box: overlap(crop_of(box), self.truth[k]), default=None)

    def report(self, name: str, chosen=None) -> None:
        chosen = range(len(self.truth)) if chosen is None else chosen
        best = {k: self.best(k) for k in chosen}
        hits = {k: box for k, box in best.items() if box is not None}
        others = sum(len(self.found[k]) for k in chosen) - len(hits)
        overlaps = [overlap(crop_of(box), self.truth[k]) for k, box in hits.items()]
        shown = np.quantile(overlaps, [0.1, 0.5]) if overlaps else (np.nan, np.nan)
        if list(chosen) == list(range(len(self.truth))):
            rows.append({"pictures": name, "detector": self.detector, "photographs": len(best),
                         "faces": len(best), "found": len(hits), "other_boxes": others,
                         "overlap": shown[1],
                         "seconds_a_photograph": self.seconds / len(self.truth)})
        print(f"{self.detector} {name:24s} recall {len(hits) / len(best):5.1%} of {len(best):4d}; "
              f"other boxes {others / len(best):.3f} a picture; overlap {shown[1]:.2f} (tenth "
              f"{shown[0]:.2f})", flush=True)

    def fit(self, chosen) -> None:
        """What brings the box to the crop: medians and the middle 80%."""
        rows = []
        for k in chosen:
            if (box := self.best(k)) is not None:
                true = self.truth[k]
                right = (true.left + true.right - box.left - box.right) / 2 / box.width
                down = (true.top + true.bottom - box.top - box.bottom) / 2 / box.width
                rows.append((true.width / box.width, right, down))
        for name, column in zip(("scale", "right", "down"), np.array(rows).T, strict=True):
            low, middle, high = np.quantile(column, [0.1, 0.5, 0.9])
            error = 1.2533 * column.std() / len(column) ** 0.5
            print(f"  {name:6s} {middle:+.3f} ± {error:.3f} (80%: {low:+.2f} to {high:+.2f})")


def accuracies(trial: Trial, dataset, chosen) -> None:
    """Of a shipped model, on the data set's own crops and on the detector's, found faces only."""
    found = [k for k in chosen if trial.best(k) is not None]
    labels, model = dataset.labels[found], load_model("iram")

    @torch.inference_mode()
    def accuracy(pictures) -> str:
        x = torch.from_numpy(np.stack(pictures))[:, None].float() / 255
        answers = torch.cat([model(part).argmax(1) for part in x.split(64)])
        return f"{(answers == labels).float().mean().item():.1%}"

    def crops(scale: float) -> list[np.ndarray]:
        boxes = [crop_of(trial.best(k), scale) for k in found]
        return [resized(cropped(trial.pictures[k], box), 48)
                for k, box in zip(found, boxes, strict=True)]

    print(f"  accuracy of {model.name} on the {len(found)} of {len(chosen)} that were found: "
          f"own crops {accuracy(list(dataset.images_uint8(found)))}; box times "
          + ", ".join(f"{scale} {accuracy(crops(scale))}" for scale in SCALES))


def groups(folder: Path, detector: str) -> None:
    """Counts the people who are found on group photographs."""
    names = [name for name in GROUPS if (folder / name).is_file()]
    found, others, seconds = 0, 0, 0.0
    for name in names:
        pixels = read_picture(folder / name, colour=True).pixels
        started = time.process_time()
        boxes = [face.box for face in find_faces(pixels, detector=DETECTORS[detector])]
        seconds += time.process_time() - started
        hits = [[k for k, box in enumerate(boxes) if _is_of(box, face)] for face in GROUPS[name]]
        found += sum(map(bool, hits))
        others += len(boxes) - len({k for one in hits for k in one})
    people = sum(len(GROUPS[name]) for name in names)
    rows.append({"pictures": "group photographs", "detector": detector, "photographs": len(names),
                 "faces": people, "found": found, "other_boxes": others,
                 "seconds_a_photograph": seconds / len(names)})
    print(f"{detector} group photographs: {found} of {people} people, {others} other boxes")


def _is_of(box: Box, face: tuple[int, int, int]) -> bool:
    x, y, side = face
    away = max(abs(box.left + box.right - 2 * x), abs(box.top + box.bottom - 2 * y))
    return away <= side and side / 2 <= max(box.width, box.height) <= 2 * side


def main() -> None:
    csv = sys.argv[1] if len(sys.argv) > 1 else None
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    torch.set_num_threads(1)
    for detector, module in DETECTORS.items():
        empty = [find_faces(scenery, detector=module) for scenery in sceneries()]
        print(f"sceneries without a face: {sum(map(len, empty))} boxes in {len(empty)}")
        if len(sys.argv) > 3:
            groups(Path(sys.argv[3]), detector)
        if csv:
            laid_faces(csv, count, detector)
        for yaw in (None, 0, 15, 30, 45):
            share = 1 if yaw is None else 2
            heads = render(range(5000, 5000 + HEADS // share), size=96, yaw_deg=yaw).image[:, 0]
            trial = Trial(heads.mul(255).round().to(torch.uint8).numpy(), 1, detector)
            trial.report("rendered heads" if yaw is None else f"rendered heads, yaw {yaw}")
    OUT.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).round(3).to_csv(OUT, index=False)


def laid_faces(csv: str, count: int, detector: str) -> None:
    """Faces of FER2013: found, fitted and recognised."""
    dataset = open_dataset(f"fer2013:{csv}").split("PublicTest")
    dataset = dataset.subset(np.random.default_rng(1).permutation(len(dataset))[:count])
    trial = Trial(dataset.images_uint8(slice(None)), 2, detector)
    even, odd = range(0, count, 2), range(1, count, 2)
    trial.report("FER2013 PublicTest")
    trial.fit(even)
    accuracies(trial, dataset, odd)


if __name__ == "__main__":
    main()
