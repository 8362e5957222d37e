"""Find the landmarks of every face of a data set, once, on the clean pictures, into one file.

Needs MediaPipe FaceMesh, which wants an environment of its own: `make landmarks DATA=SPEC OUT=FILE`
sets it up and runs this command. The file knows each picture by its pixels, so it fits whatever
holds the same pictures: the CSV, a folder, a subset. Other commands take it as --landmarks FILE.

examples:
  iram landmarks --data fer2013:fer2013.csv --split PublicTest,PrivateTest --out points.npz
  iram landmarks --data folder:faces --out faces.npz
  iram landmarks --data folder:faces --from faces.npz --compact --out faces-68.npz
  iram landmarks --data fer2013:fer2013.csv --split PublicTest --landmarks points.npz --limit 200 \\
      --yaw=-45,-30,-15,0,15,30,45 --out measured_yaw.csv
  iram landmarks --data fer2013:fer2013.csv --split PublicTest --from points.npz --mean-face \\
      --out mean

With --from nothing is looked for and MediaPipe is not needed: the landmarks of these faces are
taken from a file of any form. --compact keeps the usual 68 points (x and y, to 1/384 of the
picture's side) in a sixteenth of the space; so was the file made that ships with this package.
"""

import os
from pathlib import Path

from iram.errors import InputError


def configure(parser) -> None:
    parser.add_argument("--data", required=True, metavar="SPEC", help="fer2013:PATH, heads, ...")
    parser.add_argument("--split", metavar="NAMES",
                        help="such as PublicTest,PrivateTest; default: all")
    parser.add_argument("--limit", type=int, metavar="N", help="only N random faces")
    parser.add_argument("--seed", type=int, default=0, metavar="S",
                        help="of the faces drawn and of intervals; default: 0")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="source",
                        help="take landmarks from this file, do not find any")
    parser.add_argument("--compact", action="store_true",
                        help="only the usual 68 points, x and y, in a small file")
    parser.add_argument("--yaw", metavar="ANGLES", help="instead: turn each face by each of these "
                        "angles and write the yaw that FaceMesh then measures, a CSV")
    parser.add_argument("--landmarks", type=Path, metavar="FILE",
                        help="with --yaw: landmarks to turn photographs by")
    parser.add_argument("--mean-face", action="store_true", help="instead: write the medians of "
                        "the landmarks, mean_face.csv and mean_landmarks.csv")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE",
                        help=".npz; with --yaw .csv, with --mean-face a folder")


def run(args) -> int:
    yaws = _check(args)
    from analysis.engine.sampling import sample
    from analysis.stimuli.landmarks.facemesh import FaceMesh

    finder = None if args.source else FaceMesh()  # what is missing shows before data is read
    dataset = _faces(args.data, args.split)
    if args.yaw:
        return _measure_yaw(args, dataset, finder, yaws)
    dataset = sample(dataset, args.limit, args.seed)
    found = _found(dataset, finder, args)
    if args.mean_face:
        return _write_mean_face(args.out, found.of(dataset), dataset.size)
    return _write(args, found)


def _check(args) -> list[float]:
    """The angles of --yaw; every mistake that needs no data to be seen."""
    wanted = ".csv" if args.yaw else "" if args.mean_face else ".npz"
    if wanted and args.out.suffix != wanted:
        raise InputError(f"--out {args.out}: the name must end in {wanted}")
    if not args.mean_face and args.out.is_dir():
        raise InputError(f"--out {args.out} is a folder; name a file")
    folder = next(path for path in args.out.absolute().parents if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {args.out}: {folder} is no folder that can be written to")
    if args.yaw and (args.source or args.compact or args.mean_face):
        raise InputError("--yaw excludes --from, --compact and --mean-face")
    if args.mean_face and args.compact:
        raise InputError("--mean-face takes all 468 points: leave --compact out")
    if args.landmarks and not args.yaw:
        raise InputError("--landmarks is for --yaw; --from takes the landmarks of a file")
    return _angles(args.yaw) if args.yaw else []


def _angles(text: str) -> list[float]:
    try:
        yaws = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--yaw {text}: write angles in degrees, such as -30,0,30") from None
    from analysis.stimuli.layout.rotation import check_angles

    for yaw in yaws:
        check_angles(yaw, 0.0, 0.0)
    return sorted({0.0, *yaws})  # 0 is what the others are measured against


def _faces(spec: str, splits: str | None):
    """The faces of these splits, in the data set's order."""
    import numpy as np

    from iram.data import open_dataset

    dataset = open_dataset(spec)
    if splits is None:
        return dataset
    rows = [dataset.split(name.strip()).metadata["row"] for name in splits.split(",")]
    return dataset.subset(np.isin(dataset.metadata["row"], np.concatenate(rows)))


def _found(dataset, finder, args):
    """The landmarks of these faces; prints of how many they are known."""
    from analysis.stimuli.landmarks import count_known, read_landmarks
    from analysis.stimuli.landmarks.finder import find_landmarks, known_by_picture

    if finder is None:
        found = known_by_picture(dataset, read_landmarks(args.source))
    else:
        found = find_landmarks(dataset, finder)
    known, unknown = count_known(found.points)
    if not known:
        raise InputError(f"{args.data}: no face was found in any of {len(dataset)} pictures")
    print(f"{dataset.name}: {len(dataset)} faces, {len(found.points)} different pictures; "
          f"landmarks of {known}, none of {unknown}")
    return found


def _write(args, found) -> int:
    from analysis.stimuli.landmarks.writer import write_landmarks

    error = write_landmarks(args.out, found, args.compact)
    print(f"wrote {args.out}: {args.out.stat().st_size / 1e6:.2f} MB, coordinates rounded by "
          f"{error.mean():.3f} px in the mean, {error.max():.3f} at most")
    return 0


def _write_mean_face(folder: Path, points, size: int) -> int:
    from analysis.engine.store import write_table
    from analysis.stimuli.layout.remade import DIGITS, mean_face_table, mean_landmarks_table

    for name, table in (("mean_face", mean_face_table), ("mean_landmarks", mean_landmarks_table)):
        write_table(folder / f"{name}.csv", table(points, size), DIGITS)
        print(f"wrote {folder / name}.csv")
    return 0


def _measure_yaw(args, dataset, finder, yaws: list[float]) -> int:
    from analysis.engine.sampling import sample
    from analysis.engine.store import write_table
    from analysis.stimuli.measured_yaw import measure_yaw, yaw_table
    from analysis.stimuli.placed import to_be_turned

    if not dataset.renders:
        dataset = to_be_turned(dataset, args.landmarks)
    dataset = sample(dataset, args.limit, args.seed)
    table = yaw_table(measure_yaw(dataset, finder, yaws), yaws, args.seed)
    table.insert(0, "dataset", dataset.name)
    write_table(args.out, table)
    print(
        f"\n{dataset.name}: {len(dataset)} faces; yaw by FaceMesh less that of the same face at 0"
    )
    print(table.drop(columns="dataset").to_string(index=False, float_format="%.2f"))
    print(f"wrote {args.out}")
    return 0
