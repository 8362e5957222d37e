"""What models predict for one picture, and where their attention is, as a PNG (or PDF, SVG).

The models know crops of faces: give --box to crop, else the picture's middle square is taken. The
maps are the models' own gates, averaged over channels; each has its own scale, printed above it. A
gate over channels alone (SE, ECA) is the same everywhere, and "none" has no attention to show.

With --methods each attribution method's map of the predicted class stands side by side instead:
what speaks for it in orange, against it in purple, about 0; gates and sizes (attention, activation,
edges) in one rising scale. There, attention is the mean of all layers, and for SE and ECA each
place's gate, every channel weighted by its energy. Methods over regions take the mean face's.

examples:
  iram explain face.jpg
  iram explain photo.jpg --box 210,80,160,160 --models iram,cbam --out panel.png
  iram explain face.jpg --methods attention,gradcam,integrated_gradients --out panel.png
"""

from pathlib import Path

from analysis.commands import options
from iram.errors import InputError


def configure(parser) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="PNG, JPEG, WEBP, BMP, ...")
    options.add_models(parser, "iram", "iram")
    parser.add_argument("--methods", default="", metavar="NAMES",
                        help="attribution methods side by side, or cheap, dear, all; default: the "
                        "attention of every layer")  # fmt: skip
    parser.add_argument("--box", metavar="L,T,W,H", help="left, top, width and height in pixels")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: IMAGE-explained.png")


def run(args) -> int:
    names = [name.strip() for name in args.models.split(",") if name.strip()]
    if not names:
        raise InputError("--models names no model; `iram models` lists them")
    out = args.out or args.image.with_name(f"{args.image.stem}-explained.png")
    if out.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InputError(f"--out {out}: the name must end in .png, .pdf or .svg")
    box = _box(args.box)

    from analysis.explain import explain, read_face
    from analysis.subjects import open_model

    picture = read_face(args.image, box)
    methods = _methods(args.methods)
    explanations = [explain(open_model(name), picture, methods) for name in names]
    for found in explanations:
        ranked = sorted(zip(found.probabilities, found.classes, strict=True), reverse=True)
        told = ", ".join(f"{name} {100 * p:.1f}%" for p, name in ranked[:3])
        print(f"{found.model:24s} {told}" + (f"; explained: {found.prediction}" if methods else ""))
        for told in found.maps:
            if told.values is None:
                print(f"{found.model:24s} skipped {told.method}: {told.reason}")

    from analysis.figures import AttentionPanel, save

    kind = out.suffix.lower()[1:]
    [out] = save(AttentionPanel(explanations).plot().figure_, out, args.image.name, [kind])
    print(f"wrote {out}")
    return 0


def _methods(text: str) -> list[str]:
    """In the order given; a preset stands for its methods, but for what needs a data set."""
    if not text:
        return []
    from analysis.suite.methods import presets, select

    select(text)  # names that are unknown, or none
    named = [name.strip() for name in text.split(",") if name.strip()]
    several = presets()
    chosen = [m for name in named for m in several.get(name, (name,))
              if name not in several or m != "mean_map"]  # fmt: skip
    return list(dict.fromkeys(chosen))


def _box(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    numbers = options.whole_numbers(text, "--box")
    if len(numbers) != 4:
        raise InputError(f"--box {text}: four whole numbers are needed, left,top,width,height")
    return tuple(numbers)
