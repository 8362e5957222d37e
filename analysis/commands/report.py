"""One web page of everything: the verdicts first, then every figure and table of --results, each
with the command that made its tables.

It is drawn from the tables alone, as by `iram figures`: no model, no data set, and nothing is
computed anew. The page is one file, pictures inside, that needs no network: it can be mailed, and
read on a phone, light or dark as the reader's system is. What lacks its table is named with the
command that makes it. Equal tables give equal bytes.

examples:
  iram report
  iram report --results runs/study --out study.html

A page of results on photographs can show a face, in the panel `example`: mind the data set's
licence before you pass it on.
"""

from pathlib import Path

from analysis.commands import options
from iram.errors import InputError

LARGEST = 10_000_000  # bytes, of what can be mailed
DPIS = (150, 100, 70)  # of the pictures: the first with which the page is not too large


def configure(parser) -> None:
    parser.add_argument("--results", type=options.folder, default=Path("results"), metavar="DIR",
                        help="with the tables; default: results")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE.html",
                        help="default: report.html in --results")  # fmt: skip


def run(args) -> int:
    out = args.out or args.results / "report.html"
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {out}: the report is a web page; give it a name such as "
                         f"{out.name or 'report'}.html")  # fmt: skip
    if not args.results.is_dir():
        raise InputError(f"--results {args.results}: no such folder")

    from iram.files import write_text

    for dpi in DPIS:
        sections, page = _page(args.results, dpi)
        if len(page.encode()) <= LARGEST:
            break
    items = [item for section in sections for item in section.items]
    missing = [item for item in items if item.missing]
    for item in missing:
        print(f"{item.title}: {item.missing}")
        for table, command in item.sources:
            print(f"    {table}: {command}")
    if len(missing) == len(items):
        raise InputError(f"--results {args.results}: none of the study's tables is there, or holds "
                         "anything to show; see above")  # fmt: skip
    write_text(out, page)
    print(f"{out}: {len(items) - len(missing)} of {len(items)} figures and tables, "
          f"{len(page.encode()) / 1e6:.1f} MB")  # fmt: skip
    return 0


def _page(results: Path, dpi: int):
    from analysis.figures.registry import FIGURES, TABLES
    from analysis.report import collect, render
    from iram.progress import progress_bar

    with progress_bar(total=len(FIGURES) + len(TABLES), unit="figure") as bar:
        sections = collect(results, dpi, bar.update)
    return sections, render(sections)
