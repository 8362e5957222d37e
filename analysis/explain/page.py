"""One HTML page of a folder of explained photographs, which needs nothing beside itself."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis.figures.style import page_style
from iram.files import atomic_path

PAGE = "index.html"


def write_page(out: Path, table: pd.DataFrame, notes: list[str]) -> Path:
    """Writes `index.html` into the folder of a run: each photograph with its faces, then each face
    with its panel, what spoke for and against it in words, and its numbers.

    Args:
        table: `faces.csv` of the folder, whose pictures lie there.
        notes: what else has to be known, such as photographs that were passed over.
    """
    environment = Environment(loader=PackageLoader("analysis.explain", ""), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template("page.html.j2")
    given = {"style": page_style(), "photographs": _photographs(out, table), "notes": notes,
             "faces": table["panel"].nunique(), "files": table["file"].nunique()}
    with atomic_path(out / PAGE) as temporary, open(temporary, "w", encoding="utf-8") as file:
        template.stream(given).dump(file)  # pictures are read as they are written
    return out / PAGE


def _photographs(out: Path, table: pd.DataFrame) -> Iterator[dict]:
    regions = [name for name in table if name.startswith("shapley_")]
    for number, (file, own) in enumerate(table.groupby("file", sort=False), start=1):
        faces = [{"number": int(face), "panel": _inline(out / rows["panel"].iloc[0]),
                  "rows": rows.to_dict("records")} for face, rows in own.groupby("face")]
        yield {"file": file, "number": number, "faces": faces, "regions": regions,
               "picture": _inline(out / own["overview"].iloc[0])}


def _inline(path: Path) -> str:
    return f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"
