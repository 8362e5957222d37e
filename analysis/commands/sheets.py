"""Contact sheets: faces at every angle, under every occluder, fill and corruption; of rendered
heads also with every expression and object of the scene.

examples:
  iram sheets --out sheets
  iram sheets --data heads:size=96,seed=3 --only objects --out sheets
  iram sheets --data fer2013:fer2013.csv --landmarks points.npz --out sheets

Writes poses.png (12 faces x 9 yaw angles); regions.png, objects.png, unstructured.png, fills.png
and corruptions.png (8 faces each); and, of heads, expressions.png and scene_objects.png (8 people).
Sheets of a data set show its faces: mind its licence before you pass them on.
"""

from pathlib import Path

from analysis.commands import options
from iram.errors import InputError
from iram.names import split_names
from iram.registry import unknown

TURNED, COVERED, PEOPLE = 12, 8, 8


def configure(parser) -> None:
    parser.add_argument("--data", default="heads:size=96", metavar="SPEC",
                        help="default: heads:size=96")
    options.add_split(parser)
    parser.add_argument("--only", metavar="NAMES", help="some of the sheets, by name")
    options.add_landmarks(parser)
    parser.add_argument("--seed", type=int, default=0, help="other faces; default: 0")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for the pictures")


def run(args) -> int:
    from analysis.figures.save import COLOURS, save
    from analysis.studies.inputs import check_landmarks

    dataset = options.faces(args)
    check_landmarks(args.landmarks)
    for name, draw in _chosen(args, dataset).items():
        [path] = save(draw().plot().figure_, args.out / name, args.data, ["png"], colours=COLOURS)
        print(f"wrote {path}")
    return 0


def _chosen(args, dataset) -> dict:
    """Name -> what draws the sheet."""
    from analysis.studies.occlusion import sheets

    known = {
        "poses": lambda: sheets.poses(dataset, args.landmarks, TURNED, args.seed),
        **{name: lambda name=name: sheets.covered(dataset, name, args.landmarks, COVERED, args.seed)
           for name in sheets.COLUMNS},
    }
    if dataset.renders:
        known |= {"expressions": lambda: sheets.expressions(dataset, PEOPLE),
                  "scene_objects": lambda: sheets.scene_objects(dataset, PEOPLE)}
    names = list(known) if args.only is None else split_names(args.only)
    if not names:
        raise InputError(f"--only names no sheet; known: {', '.join(known)}")
    for name in names:
        if name not in known:
            raise InputError("--only: " + unknown("sheet", name, known))
    return {name: known[name] for name in names}
