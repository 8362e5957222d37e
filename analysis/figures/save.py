"""Figures to files: equal data gives equal bytes, and the files tell what they are made of."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from analysis.figures import style
from analysis.figures.letters import fit_letters
from iram.files import atomic_path

COLOURS = 256  # of which no pixel of this study's figures is off by more than 16 of 255
METADATA = {
    "pdf": lambda run: {"Subject": run, "CreationDate": None, "Creator": "iram"},
    "png": lambda run: {"Description": run, "Software": "iram"},
    "svg": lambda run: {"Description": run, "Date": None, "Creator": "iram"},
}


def save(
    figure: Figure, path: Path, run: str, kinds=("pdf", "png"), colours: int | None = None
) -> list[Path]:
    """Writes the figure as PATH.pdf and PATH.png, or whatever kinds; returns the files.

    What it shows (`run`) is in the files' metadata, and no date. Panels are laid out once, so that
    all kinds agree.

    Args:
        colours: of PNGs, which are then a third as large. None keeps all.
    """
    written = [path.parent / f"{path.name.removesuffix(f'.{kind}')}.{kind}" for kind in kinds]
    with style.context():
        fit_letters(figure)
        if figure.get_layout_engine() is not None:
            figure.get_layout_engine().execute(figure)
            figure.set_layout_engine(None)
        for target, kind in zip(written, kinds, strict=True):
            with atomic_path(target) as temporary:
                if kind == "png" and colours:
                    _few_colours(figure, temporary, METADATA[kind](run), colours)
                else:
                    figure.savefig(temporary, format=kind, dpi="figure",
                                   metadata=METADATA[kind](run))
    return written


def _few_colours(figure: Figure, path: Path, metadata: dict[str, str], colours: int) -> None:
    canvas, told = FigureCanvasAgg(figure), PngInfo()
    canvas.draw()
    for name, text in metadata.items():
        told.add_text(name, text)
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(path, format="png", optimize=True, pnginfo=told, dpi=(figure.dpi, figure.dpi))
