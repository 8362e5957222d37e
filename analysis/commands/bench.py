"""Measure models under occlusion and rotation, with the clean pass, the area-matched random box and
the sham on the background as controls.

Writes to --out: rows/*.parquet (a row per image, model and condition), summary.csv (accuracy,
macro-F1, margin, calibration and relative drop per condition), occluders.csv (per occluder, against
the random box), run.json, and figures. What was finished is kept: run it again to go on.

examples:
  iram bench --data fer2013:fer2013.csv --models iram,none,cbam --out runs/bench
  iram bench --data fer2013:fer2013.csv --models iram --conditions quick --limit 500 --out runs/try
  iram bench --data folder:faces --split test --models iram,my.safetensors --out runs/mine
  iram bench --data fer2013:fer2013.csv --conditions pose,box --landmarks points.npz --out runs/pose
  iram bench --data fer2013:fer2013.csv --models iram --conditions "eyes,mouth-*-noise,rotation" \\
      --out runs/eyes

conditions: presets (default, occlusion, rotation, pose, pose-pairs, heads, quick, smoke), occluders
(eyes, brows, nose, mouth, upper_half, lower_half, left_half, right_half, box, sham), or patterns of
names such as "eyes-0.3-*" (30% of the face area; fills black, mean, noise, blur) and "yaw+30".
Heads are rendered anew at each angle. Photographs are turned from the pose that they have: with
--landmarks each by its own surface, and only those within 15 degrees of frontal; else all of
them, as the mean face.
"""

from pathlib import Path

from analysis.commands import options


def configure(parser) -> None:
    parser.add_argument("--data", required=True, metavar="SPEC", help="fer2013:PATH, heads, ...")
    parser.add_argument("--split", default="test", metavar="NAME", help="default: test")
    parser.add_argument(
        "--models",
        default="iram,none,cbam",
        metavar="NAMES",
        help="shipped names or .safetensors files; default: iram,none,cbam",
    )
    parser.add_argument("--conditions", default="default", metavar="NAMES",
                        help="presets, occluders, patterns; default: default")  # fmt: skip
    parser.add_argument("--landmarks", type=Path, metavar="FILE",
                        help="FaceMesh landmarks (.npz) to turn photographs by")  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="only N random faces")
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="S",
        help="of places, noise and intervals; default: 0",
    )
    parser.add_argument("--batch-size", default="auto", metavar="auto|N",
                        help="auto measures it once and keeps it in run.json")  # fmt: skip
    parser.add_argument("--out", required=True, type=Path, metavar="DIR",
                        help="tables, rows and figures; a run in it is gone on with")  # fmt: skip
    options.add_device(parser, dtype="fp32")


def run(args) -> int:
    from analysis import bench
    from analysis.study import select
    from analysis.subjects import open_subjects
    from iram.data import open_dataset

    conditions = select(args.conditions)
    device = options.device(args.device)
    batch_size = options.batch_size(args.batch_size)
    dataset = open_dataset(args.data, split=args.split)
    if any(condition.in_depth for condition in conditions) and not dataset.renders:
        dataset = bench.to_be_turned(dataset, args.landmarks)
    subjects = open_subjects(args.models, dataset.classes, device, args.dtype == "bf16")
    results = bench.benchmark(
        subjects, dataset, conditions, args.out, seed=args.seed, limit=args.limit,
        batch_size=batch_size, dtype=args.dtype,
    )  # fmt: skip
    print(results.report())
    return 0
