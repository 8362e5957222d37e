"""The site: the documents of this repository, a gallery of the figures, and the API.

`python docs/site.py [FOLDER]` gathers the pages in FOLDER/pages, at the paths that they have in the
repository so that their links hold, and MkDocs makes FOLDER/site of them (default: build). A
warning is an error: a dead link, a docstring that can't be read.
"""

import json
import logging
import re
import shutil
import sys
from itertools import chain
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

from analysis.figures.registry import FIGURES, command_of
from analysis.figures.sections import SECTIONS, section_of

ROOT = Path(__file__).resolve().parents[1]
GUIDES = {  # of docs/, in the order of the menu
    "findings": "What was found", "protocol": "Protocol", "benchmark": "The benchmark",
    "commands": "Commands", "python": "From Python", "data": "Data", "own-models": "Your models",
    "photographs": "Photographs", "extending": "Extending it", "architecture": "Architecture",
    "scale": "From a laptop to a cluster", "speed": "Speed",
    "findings-readings": "Readings of IRAM",
}
OTHERS = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/README.md",
          "iram/pretrained/README.md", "results/bank/README.md", "results/training/ablation.md"]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")


def main(folder: Path = ROOT / "build") -> None:
    folder = folder.resolve()  # MkDocs reads paths from where its settings lie
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    guides = [f"docs/{name}.md" for name in GUIDES]
    for document in ["README.md", "results/README.md", *guides, *OTHERS]:
        _copy_document(ROOT / document, pages)
    _write(pages / "gallery.md", gallery())
    _list_folder(ROOT / "results" / "figures", pages)
    api = {name: f"api/{name}.md" for name in packages()}
    for name, page in api.items():
        _write(pages / page, reference(name))
    menu = [{"Start": "README.md"},
            {"Guide": [{title: f"docs/{name}.md"} for name, title in GUIDES.items()]},
            {"Results": ["results/README.md", {"Gallery": "gallery.md"}]},
            {"API": [{name: page} for name, page in api.items()]},
            {"Project": [page for page in OTHERS if "/" not in page]}]
    build(load_config(str(ROOT / "docs" / "mkdocs.yml"), nav=menu, docs_dir=str(pages),
                      site_dir=str(folder / "site")))


def gallery() -> str:
    """Every figure of results/figures by section, with its tables and the command that makes it."""
    parts: dict[str, list[str]] = {}
    for figure in FIGURES:
        lines = parts.setdefault(figure.part, [f"## {section_of(figure.part).title}", ""])
        lines += [f"### {figure.title}", "", f"Of `{'`, `'.join(figure.tables)}`, by "
                  f"`{command_of(figure.tables[0])}`.", ""]
        name = f"{figure.name}_*" if figure.each else figure.name
        lines += [f"![{figure.title}: {path.stem}](results/figures/{path.name})\n"
                  for path in sorted((ROOT / "results" / "figures").glob(f"{name}.png"))]
    parts = dict(sorted(parts.items(), key=lambda part: [*SECTIONS, part[0]].index(part[0])))
    return "\n".join(["# Gallery", "", *chain(*parts.values())])


def packages() -> list[str]:
    """Every package of the project, by its full name, in the order of imports."""
    found = [path.parent.relative_to(ROOT) for top in ("iram", "analysis")
             for path in sorted((ROOT / top).rglob("__init__.py"))]
    return [".".join(path.parts) for path in found]


def reference(package: str) -> str:
    """The page of a package: what it says of itself and defines, then each of its modules. What it
    imports stands where it is defined."""
    folder = ROOT / package.replace(".", "/")
    own = re.findall(r"^(?:def|class) ([A-Za-z]\w*)", (folder / "__init__.py").read_text("utf-8"),
                     re.MULTILINE)
    lines = [f"# {package}", f"::: {package}\n    options: {{members: {json.dumps(own or False)}}}"]
    lines += [f"::: {package}.{path.stem}" for path in sorted(folder.glob("*.py"))
              if not path.stem.startswith("_")]
    return "\n\n".join([*lines, ""])


def _copy_document(document: Path, pages: Path) -> None:
    """Copies a document with all that it links to; of a linked folder a list of its files."""

    def led(match: re.Match) -> str:
        target = (document.parent / match[1]).resolve()
        if target.is_dir():
            if not (target / "README.md").exists():
                _list_folder(target, pages)
                return f"{match[1].rstrip('/')}/index.md"
            return f"{match[1].rstrip('/')}/README.md"
        if target.suffix != ".md" and target.is_file():
            _copy(target, pages)
        return match[1]

    text = document.read_text("utf-8")
    _write(pages / document.relative_to(ROOT), LINK.sub(led, text))


def _list_folder(folder: Path, pages: Path) -> None:
    name = folder.relative_to(ROOT)
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for path in files:
        _copy(path, pages)
    lines = [f"# {name}", "", *(f"- [{path.name}]({path.name})" for path in files), ""]
    _write(pages / name / "index.md", "\n".join(lines))


def _copy(path: Path, pages: Path) -> None:
    target = pages / path.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    main(*map(Path, sys.argv[1:]))
