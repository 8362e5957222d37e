"""Contact sheets: faces at every angle; of rendered heads also with every expression and object.

examples:
  iram sheets --out sheets
  iram sheets --data heads:size=96,seed=3 --out sheets
  iram sheets --data fer2013:fer2013.csv --landmarks points.npz --out sheets

Writes poses.png (12 faces x 9 yaw angles) and, of heads, expressions.png and objects.png (8
people). Sheets of a data set show its faces: mind its licence before you pass them on.
"""

from pathlib import Path

FACES, PEOPLE = 12, 8


def configure(parser) -> None:
    parser.add_argument("--data", default="heads:size=96", metavar="SPEC",
                        help="default: heads:size=96")  # fmt: skip
    parser.add_argument("--split", default="test", metavar="NAME", help="default: test")
    parser.add_argument("--landmarks", type=Path, metavar="FILE",
                        help="FaceMesh landmarks (.npz) to turn photographs by")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="other faces; default: 0")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for the pictures")


def run(args) -> int:
    from analysis.bench import to_be_turned
    from analysis.engine import sample
    from analysis.figures import save
    from iram.data import open_dataset

    dataset = open_dataset(args.data, split=args.split)
    if not dataset.renders:
        dataset = to_be_turned(dataset, args.landmarks)
    sheets = {"poses": _poses(sample(dataset, FACES, args.seed))}
    if dataset.renders:
        sheets |= _heads(dataset.seed, dataset.size)
    for name, display in sheets.items():
        [path] = save(display.plot().figure_, args.out / name, args.data, ["png"])
        print(f"wrote {path}")
    return 0


def _poses(faces):
    """A row per face, a column per yaw angle."""
    from analysis.figures import PoseSheet
    from analysis.perturb import pose
    from analysis.study import YAWS, Condition

    pictures = {f"{yaw:+g}°": pose(faces, slice(None), Condition(yaw_deg=yaw)).images[:, 0].numpy()
                for yaw in YAWS}  # fmt: skip
    return PoseSheet(pictures, tuple(faces.classes[label] for label in faces.labels))


def _heads(seed: int, size: int) -> dict:
    """The same people with every expression, and with every object of the scene."""
    from analysis.figures import PoseSheet
    from iram.data.heads import CLASSES, SCENE_OCCLUDERS, render

    def faces(**options):
        upright = {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0}
        return render(range(PEOPLE), seed=seed, size=size, **upright, **options).image[:, 0].numpy()

    return {
        "expressions": PoseSheet({name: faces(expression=name) for name in CLASSES}),
        "objects": PoseSheet({"none": faces()} | {n: faces(occluder=n) for n in SCENE_OCCLUDERS}),
    }
