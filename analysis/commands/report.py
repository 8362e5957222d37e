"""One web page of everything: the verdicts first, then every figure and table of --results, each
with the command that made its tables, and the notebooks.

It is drawn from the tables alone, as by `iram figures`: no model, no data set, and nothing is
computed anew, unless --notebooks run executes the notebooks (minutes; it needs the extra
`notebooks`) as `make notebooks` would: small, on rendered heads, or as IRAM_PRESET, IRAM_DATA and
IRAM_OUT say. The page is one file, pictures inside, that needs no
network: it can be mailed, and read on a phone, light or dark as the reader's system is. It shows
the parts of the study that the folder has tables of; what else belongs to these is named with the
command that makes it. Equal tables give equal bytes.

examples:
  iram report
  iram report --results runs
  iram report --results runs/study --out study.html
  iram report --results runs/mine --reference mynet
  iram report --notebooks run --out everything.html
  iram report --results runs --template paper.tex.j2 --out paper.tex

--results holds a folder for each part, or is one run's, as for `iram figures`.

--template writes another text instead, whose numbers it takes from the tables: where the template
has {{ estimate("shift/verdicts.csv", "effect", "+.3f", model="iram", hypothesis="H1") }}, the text
has -0.018 [-0.028, -0.013]. README.md is made so; analysis/report/numbers.py tells every call.

A page of results on photographs can show faces, in the panel `example` and in notebooks: mind the
data set's licence before you pass it on.
"""

from pathlib import Path

from analysis.commands import options
from iram.errors import InputError

LARGEST = 10_000_000  # bytes, of what can be mailed
DPIS = (150, 100, 70)  # of the pictures: the first with which the page is not too large


def configure(parser) -> None:
    parser.add_argument("--results", type=options.folder, default=Path("results"), metavar="DIR",
                        help="with the tables, in a folder for each part, or one run's --out; "
                        "default: results")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="default: report.html in --results")
    parser.add_argument("--notebooks", choices=["prose", "run", "none"],
                        help="what is written in them, also what their cells give, or nothing; "
                        "default: prose")
    parser.add_argument("--template", type=Path, metavar="FILE.j2",
                        help="write this text instead, with its numbers from the tables, to --out")


    parser.add_argument("--reference", metavar="MODEL",
                        help="the net that others are compared with, by its name in the tables or "
                        "its label; what compares with another is left out, with the command that "
                        "makes its table again; default: whichever each table was made with")


def run(args) -> int:
    if not args.results.is_dir():
        raise InputError(f"--results {args.results}: no such folder")
    if args.template:
        for option in ("notebooks", "reference"):
            if getattr(args, option) is not None:
                raise InputError(f"--{option} is for the web page, not for --template")
        return _fill_in(args)
    out = args.out or args.results / "report.html"
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {out}: the report is a web page; give it a name such as "
                         f"{out.name or 'report'}.html")

    from analysis.report import render
    from iram.files import write_text

    notebooks = _notebooks(args.notebooks or "prose")
    for dpi in DPIS:
        sections = _sections(args.results, dpi, args.reference or "")
        page = render(sections, notebooks).encode("utf-8", "backslashreplace").decode()  # of names
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
                         "anything to show; see above")
    write_text(out, page)
    print(f"{out}: {len(items) - len(missing)} of {len(items)} figures and tables, "
          f"{len(notebooks)} notebooks, {len(page.encode()) / 1e6:.1f} MB")
    return 0


def _fill_in(args) -> int:
    from analysis.report.numbers import rendered
    from iram.files import write_text

    if not args.out:
        raise InputError("--template: --out FILE says where the text goes")
    write_text(args.out, rendered(args.template, args.results))
    print(args.out)
    return 0


def _notebooks(mode: str) -> list:
    from analysis.report import collect_notebooks, find_notebooks
    from iram.progress import progress_bar

    total = len(find_notebooks(mode))
    with progress_bar(shown=mode == "run", total=total, unit="notebook") as bar:
        return collect_notebooks(mode, advance=bar.update)


def _sections(results: Path, dpi: int, reference: str) -> list:
    from analysis.figures.registry import FIGURES, TABLES
    from analysis.report import collect
    from iram.progress import progress_bar

    with progress_bar(total=len(FIGURES) + len(TABLES), unit="figure") as bar:
        return collect(results, dpi, bar.update, reference)
