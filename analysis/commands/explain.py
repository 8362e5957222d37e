"""What models predict for faces in photographs, where their attention is, and what it rests on.

One picture of one face and no folder to write to: a PNG (or PDF, SVG) with the attention of every
layer. The models know crops of faces: give --box to crop, else the picture's middle square is
taken. The maps are the models' own gates, averaged over channels; each has its own scale, printed
above it. A gate over channels alone (SE, ECA) is the same everywhere, and "none" has no attention.

What spoke for and against a prediction is told in one sentence: what the parts of the face are
worth for it rather than for the runner-up, by exact Shapley values.

Photographs of any size, or folders of them, with --out FOLDER: every face in them, each cropped as
the data sets crop. Written are FOLDER/index.html (all of it as one page that needs nothing beside
itself), faces.csv (place, prediction, probabilities, the exact Shapley value of each part of the
face, in logits of the predicted class, and the sentence), faces/ (a panel of each face),
photographs/ (each photograph with its faces) and crops/face/ (what was cut out, 48 px).
Pictures are read upright by their EXIF orientation; a net that takes RGB sees them in colour, all
others in gray.

--faces says where faces are. auto: a picture of up to 100 pixels is a face, in others a detector
looks for them (an optional extra): YuNet, or where it is not installed OpenCV's Haar cascade, which
misses turned and covered faces (docs/photographs.md has numbers). Each face's score stands in the
table; --min-score leaves out those below it. whole: each picture is a face. FILE.csv: boxes
from a detector of yours, columns path,left,top,right,bottom in pixels; the crop is the square about
each box, --widen times as wide. The parts of a face stand by its landmarks where --landmarks knows
the crop (`iram landmarks --data folder:FOLDER/crops`, then again with it), else by the mean face.

Photographs that can't be read, show no face, are all of one gray, or for which a net's answers are
no numbers, and lines of the CSV without a box (nan), are named and passed over. Files in a folder
that are no pictures, and folders in it, are counted; what was assumed of a picture, such as 12-bit
values in a file of 16, is told. Exit code: 0 all was explained, 1 a photograph or a face was passed
over, 2 nothing could be done.

--against CLASS asks why the prediction rather than that class: maps of methods and the values of
the parts are then of the difference of the two logits (`--against second`: the runner-up).

With --methods each attribution method's map of the predicted class stands side by side instead:
what speaks for it in orange, against it in purple, about 0; gates and sizes (attention, activation,
edges) in one rising scale. There, attention is the mean of all layers, and for SE and ECA each
place's gate, every channel weighted by its energy. Methods over regions take the mean face's.

examples:
  iram explain face.jpg
  iram explain photo.jpg --box 210,80,160,160 --models iram,cbam --out panel.png
  iram explain face.jpg --methods attention,gradcam,integrated_gradients --out panel.png
  iram explain face.jpg --methods gradcam,region_shapley --against surprise --out panel.png
  iram explain party.jpg holiday/ --out explained
  iram explain crops/*.png --faces whole --models iram,none --out explained
  iram explain holiday/ --faces boxes.csv --widen 1.1 --methods gradcam --out explained
"""

import sys
from pathlib import Path

from analysis.commands import options
from iram.errors import InputError
from iram.names import split_names

KINDS = (".png", ".pdf", ".svg")


def configure(parser) -> None:
    parser.add_argument("image", type=Path, nargs="+", metavar="IMAGE",
                        help="PNG, JPEG, WEBP, BMP, ..., or a folder of them")
    options.add_models(parser, "iram", "iram")
    parser.add_argument("--methods", default="", metavar="NAMES",
                        help="attribution methods side by side, or cheap, dear, all; default: the "
                        "attention of every layer, in a folder its mean")
    options.add_against(parser)
    options.add_layer(parser)
    parser.add_argument("--box", metavar="L,T,W,H",
                        help="of one face: left, top, width and height in pixels")
    parser.add_argument("--faces", metavar="HOW", help="auto, whole, or a CSV of boxes; "
                        "default: auto")
    parser.add_argument("--min-score", type=float, metavar="X",
                        help="lowest score of a face that is found; default: 0.7 of YuNet's 0 to "
                        "1, 6 windows of the cascade's")
    parser.add_argument("--widen", type=float, metavar="X",
                        help="side of a crop in sides of the CSV's box; default: 1")
    parser.add_argument("--landmarks", type=Path, metavar="FILE",
                        help="landmarks (.npz) of the crops, from `iram landmarks`")
    parser.add_argument("--out", type=Path, metavar="PATH",
                        help="a folder; or, for one face, a .png, .pdf or .svg, by default "
                        "IMAGE-explained.png")


def run(args) -> int:
    names = split_names(args.models)
    if not names:
        raise InputError("--models names no model; `iram models` lists them")
    return (_photographs if _wants_folder(args) else _one_face)(args, names)


def _wants_folder(args) -> bool:
    """Whether results go into a folder, not into one picture."""
    out, several = args.out, len(args.image) > 1 or args.image[0].is_dir()
    of_several = ("faces", "min_score", "widen", "landmarks")
    given = [f"--{name.replace('_', '-')}" for name in of_several
             if getattr(args, name) is not None]
    drawing = out is not None and out.suffix.lower() in KINDS and not out.is_dir()
    if out is None and not several and not given:
        return False
    if drawing and not several and not given:
        return False
    why = "several pictures" if several else " and ".join(given)
    if out is None or drawing:
        raise InputError(f"{why}: results go into a folder, name it with --out FOLDER"
                         + (f" instead of {out}" if out else ""))
    if out.suffix and not several and not given and not out.is_dir():
        raise InputError(f"--out {out}: the name must end in .png, .pdf or .svg, or be a folder's")
    if args.box:
        raise InputError("--box is of one face: leave --out out or let it end in .png; in a folder "
                         "--faces FILE.csv takes boxes")
    return True


def _one_face(args, names: list[str]) -> int:
    [image] = args.image
    out = args.out or image.with_name(f"{image.stem}-explained.png")
    box = _box(args.box)

    from analysis.explain.explain import read_face
    from analysis.explain.explained import tell
    from analysis.studies.attribution.methods import check_layer
    from analysis.subjects import open_model
    from analysis.subjects.probe import with_layer

    methods = _methods(args.methods)
    check_layer(args.layer, methods)
    picture = read_face(image, box)
    models = [with_layer(open_model(name), args.layer) for name in names]
    answers = [tell(model, picture, methods, against=args.against) for model in models]
    for answer in answers:
        found = answer.explanation
        ranked = sorted(zip(found.probabilities, found.classes, strict=True), reverse=True)
        told = ", ".join(f"{name} {100 * p:.1f}%" for p, name in ranked[:3])
        print(f"{found.model:24s} {told}" + (f"; explained: {found.explained}"
                                          if methods or found.against else ""))
        for told in found.maps:
            if told.values is None:
                print(f"{found.model:24s} skipped {told.method}: {told.reason}")
        print(f"  {answer.in_words}")

    from analysis.figures import AttentionPanel, save

    kind = out.suffix.lower()[1:]
    panel = AttentionPanel([one.explanation for one in answers]).plot()
    [out] = save(panel.figure_, out, image.name, [kind])
    print(f"wrote {out}")
    return 0


def _photographs(args, names: list[str]) -> int:
    if args.widen is not None and args.faces in (None, "auto", "whole"):
        raise InputError(f"--widen {args.widen:g} is for boxes: --faces FILE.csv")
    if args.widen is not None and not 0.2 <= args.widen <= 5:
        raise InputError(f"--widen {args.widen:g}: write a number from 0.2 to 5")

    if args.min_score is not None and args.faces not in (None, "auto"):
        raise InputError(f"--min-score {args.min_score:g} is for faces that are found: --faces "
                         "auto")

    from analysis.attributions.contrast import asked_against
    from analysis.attributions.explanation import class_names
    from analysis.explain import explain_photographs, passed_over, photographs
    from analysis.explain.faces import Finder
    from analysis.explain.page import write_page
    from analysis.explain.regions import Placement
    from analysis.explain.run import TABLE, check_folder
    from analysis.studies.attribution.methods import check_layer
    from analysis.subjects import open_model
    from analysis.subjects.probe import with_layer
    from iram import contract

    check_folder(args.out)
    finder = Finder(args.faces or "auto", 1.0 if args.widen is None else args.widen,
                    args.min_score)
    methods = _methods(args.methods) or ["attention"]
    check_layer(args.layer, methods)
    models = [with_layer(open_model(name), args.layer) for name in names]
    for model in models:  # a mistake should not wait for the first face
        asked_against(args.against, class_names(model))
    placement = Placement(args.landmarks)
    outcome = explain_photographs(
        photographs(args.image), finder, models, methods, placement, args.out,
        against=args.against,
    )
    outcome.notes += passed_over(args.image)
    outcome.notes += [f"{model.name} takes RGB: it saw photographs in colour, gray ones repeated"
                      for model in models if contract.channels(model) == 3]
    if not outcome.table.empty:
        write_page(args.out, outcome.table, [*outcome.problems, *outcome.notes])
    return _report(args, outcome, placement, args.out / TABLE)


def _report(args, outcome, placement, table: Path) -> int:
    """Prints what came of it; returns the exit code."""
    import pandas as pd

    from analysis.explain.page import PAGE
    from iram.data.pictures import printable

    for row in outcome.table.to_dict("records"):
        sure = row[f"p_{row['prediction']}"]
        found = "" if pd.isna(row["score"]) else f"; face found with score {row['score']:.2g}"
        print(f"{printable(row['file'])} face {row['face']}: {row['model']} {row['prediction']} "
              f"{sure:.1%}{found}")
        print(f"  {row['in_words']}")
    for problem in [*outcome.problems, *outcome.notes]:
        print(f"iram: {problem}", file=sys.stderr)
    if outcome.table.empty:
        return 2
    faces, files = outcome.table["panel"].nunique(), outcome.table["file"].nunique()
    found = f"; found by {outcome.detector}" if outcome.detector else ""
    known = f"; landmarks known of {placement.known}" if args.landmarks else ""
    print(f"wrote {table} and {table.with_name(PAGE)}: faces: {faces}, in photographs: {files}"
          f"{found}{known}")
    return 1 if outcome.problems else 0


def _methods(text: str) -> list[str]:
    """In the order given; a preset stands for its methods, but for what needs a data set."""
    if not text:
        return []
    from analysis.studies.attribution.methods import presets, select

    select(text)  # names that are unknown, or none
    named = [name.strip() for name in text.split(",") if name.strip()]
    several = presets()
    chosen = [m for name in named for m in several.get(name, (name,))
              if name not in several or m != "mean_map"]
    return list(dict.fromkeys(chosen))


def _box(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    numbers = options.whole_numbers(text, "--box")
    if len(numbers) != 4:
        raise InputError(f"--box {text}: four whole numbers are needed, left,top,width,height")
    return tuple(numbers)
