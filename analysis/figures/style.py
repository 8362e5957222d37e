"""The look of all figures: style, sizes, colours, markers and words are named once, here.

The colours are Okabe and Ito's, told apart by the colour-blind; line styles and markers carry the
same in grey.
"""

from importlib.resources import files
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from iram.files import atomic_path

STYLE = str(files("analysis.figures") / "paper.mplstyle")
MM = 1 / 25.4  # a millimetre in inches
DOUBLE_COLUMN = 180 * MM
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
OCCLUDER_TITLES = {
    "box": "random box", "sham": "sham (background)", "blob": "random blob",
    "dropout": "random patches", "brows": "brows", "eyes": "eyes", "brows_eyes": "brows and eyes",
    "nose": "nose", "cheeks": "cheeks", "mouth": "mouth", "chin": "chin",
    "upper_half": "upper half", "lower_half": "lower half", "left_half": "left half",
    "right_half": "right half", "sunglasses": "sunglasses", "spectacles": "spectacles",
    "surgical_mask": "surgical mask", "hand": "hand", "scarf": "scarf", "hair": "hair",
    "microphone": "microphone", "cup": "cup", "vr_headset": "VR headset",
}  # fmt: skip


def look(models) -> dict[str, dict]:
    """Colour, marker and line of each model, in the order given."""
    return {
        model: {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)],
                "linestyle": LINES[i % len(LINES)]}
        for i, model in enumerate(models)
    }  # fmt: skip


def save(figure: plt.Figure, path: Path, run: str, kinds=("pdf", "png")) -> list[Path]:
    """Writes the figure as PATH.pdf and PATH.png, or whatever kinds; returns the files, and closes
    the figure.

    What it shows (`run`) is in the files' metadata, and no date: equal data gives equal files.
    """
    written = [path.with_suffix(f".{kind}") for kind in kinds]
    with plt.style.context(STYLE):
        for target, kind in zip(written, kinds, strict=True):
            with atomic_path(target) as temporary:
                figure.savefig(temporary, format=kind, metadata=METADATA[kind](run))
    plt.close(figure)
    return written


METADATA = {
    "pdf": lambda run: {"Subject": run, "CreationDate": None, "Creator": "iram"},
    "png": lambda run: {"Description": run, "Software": "iram"},
    "svg": lambda run: {"Description": run, "Date": None, "Creator": "iram"},
}
