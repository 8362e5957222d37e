"""Contact sheets of rendered heads: every expression at several poses, and the objects.

examples:
  iram heads --out sheets
  iram heads --size 96 --seed 3 --out sheets

Writes poses.png (12 heads x 9 angles), expressions.png (8 people x 7 expressions) and objects.png
(8 people with each object of the scene).
"""

from pathlib import Path

PEOPLE = 8


def configure(parser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="other people; default: 0")
    parser.add_argument("--size", type=int, default=48, help="pixels a side; default: 48")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for the pictures")


def run(args) -> int:
    from analysis.figures import save

    for name, display in _sheets(args.seed, args.size).items():
        [path] = save(display.plot().figure_, args.out / name, f"heads, seed {args.seed}", ["png"])
        print(f"wrote {path}")
    return 0


def _sheets(seed: int, size: int) -> dict:
    from analysis.figures import PoseSheet
    from analysis.study import YAWS
    from iram.data.heads import CLASSES, SCENE_OCCLUDERS, render

    def faces(indices, **options):
        return render(indices, seed=seed, size=size, **options).image[:, 0].numpy()

    upright = {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0}
    turned = {f"{yaw:+g}°": faces(range(12), **(upright | {"yaw_deg": yaw})) for yaw in YAWS}
    shown = {name: faces(range(PEOPLE), expression=name, **upright) for name in CLASSES}
    worn = {name: faces(range(PEOPLE), occluder=name, **upright) for name in SCENE_OCCLUDERS}
    names = tuple(CLASSES[index % len(CLASSES)] for index in range(12))
    return {
        "poses": PoseSheet(turned, names),
        "expressions": PoseSheet(shown),
        "objects": PoseSheet({"none": faces(range(PEOPLE), **upright)} | worn),
    }
