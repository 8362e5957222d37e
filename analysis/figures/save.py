"""Figures to files: equal data gives equal bytes, and the files tell what they are made of."""

from pathlib import Path

from matplotlib.figure import Figure

from analysis.figures import style
from iram.files import atomic_path

METADATA = {
    "pdf": lambda run: {"Subject": run, "CreationDate": None, "Creator": "iram"},
    "png": lambda run: {"Description": run, "Software": "iram"},
    "svg": lambda run: {"Description": run, "Date": None, "Creator": "iram"},
}


def save(figure: Figure, path: Path, run: str, kinds=("pdf", "png")) -> list[Path]:
    """Writes the figure as PATH.pdf and PATH.png, or whatever kinds; returns the files.

    What it shows (`run`) is in the files' metadata, and no date. Panels are laid out once, so that
    all kinds agree.
    """
    written = [path.parent / f"{path.name.removesuffix(f'.{kind}')}.{kind}" for kind in kinds]
    with style.context():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for target, kind in zip(written, kinds, strict=True):
            with atomic_path(target) as temporary:
                figure.savefig(temporary, format=kind, dpi="figure", metadata=METADATA[kind](run))
    return written
