"""Every figure and printed table of the study, from the tables in --results alone: no model, no
data set and nothing random. What lacks its table is named with the command that makes it, and the
rest goes on.

Writes to --out: NAME.pdf and NAME.png (or what --format says), and of printed tables
tables/NAME.tex (for the LaTeX package booktabs) and tables/NAME.csv (the same numbers). Each file
tells in its metadata which tables it is of; equal tables give equal bytes.

examples:
  iram figures
  iram figures --list
  iram figures --only "summary,importance,table-*" --format svg
  iram figures --results runs
  iram figures --results runs/occlusion
  iram figures --results runs/study --style screen --format png --out slides

--results holds a folder for each part (occlusion, attribution, shift, pose, ...), as runs/ does
where the commands chose --out themselves, and the folder of `iram study`. The --out of one `iram
bench`, `attribute` or `shift` does as well. paper: 85 or 178 mm wide, text of 7 to 8 points (6 in
the cells of matrices), kept as text in PDF and SVG. screen: larger, for slides and notebooks.
"""

from pathlib import Path

from analysis.commands import options
from iram.errors import InputError
from iram.registry import unknown

KINDS = ("pdf", "png", "svg")


def configure(parser) -> None:
    parser.add_argument("--results", type=options.folder, default=Path("results"), metavar="DIR",
                        help="with the tables, in a folder for each part, or one run's --out; "
                        "default: results")
    parser.add_argument("--only", default="", metavar="NAMES",
                        help="some of them, by name or pattern; default: all")
    parser.add_argument("--format", default="pdf,png", metavar="KINDS",
                        help="of figures: pdf, png, svg; default: pdf,png")
    parser.add_argument("--style", default="paper", choices=["paper", "screen"],
                        help="default: paper")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: figures in --results")
    parser.add_argument("--list", action="store_true", help="only list them, and what they need")


def run(args) -> int:
    kinds = list(dict.fromkeys(filter(None, (kind.strip() for kind in args.format.split(",")))))
    for kind in kinds:
        if kind not in KINDS:
            raise InputError("--format: " + unknown("kind", kind, KINDS))
    if not kinds:
        raise InputError(f"--format names no kind; known: {', '.join(KINDS)}")

    from analysis.figures import using
    from analysis.figures.make import Results, chosen, make
    from iram.progress import progress_bar

    figures, tables = chosen(args.only)
    if args.list:
        return _list(figures, tables, args.results)
    if not args.results.is_dir():
        raise InputError(f"--results {args.results}: no such folder")
    out, made = args.out or args.results / "figures", []
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is no folder; name one, or a place for a new one")
    with using(args.style), progress_bar(total=len(figures) + len(tables), unit="figure") as bar:
        for one in make(Results(args.results), figures, tables, out, kinds):
            made.append(one)
            bar.update()
    for one in made:
        names = ", ".join(path.name for path in one.files)
        print(f"{one.name:36s}{names}" if one.files else f"{one.name:36s}not made: {one.missing}")
    if not any(one.files for one in made):
        raise InputError(f"--results {args.results}: nothing could be made of it; see above")
    print(f"\n{sum(len(one.files) for one in made)} files in {out}")
    return 0


def _list(figures, tables, results: Path) -> int:
    from analysis.figures.make import Results

    command = Results(results).command
    for prefix, items in (("", figures), ("table-", tables)):
        for item in items:
            print(f"{prefix}{item.name}")
            for name in (*item.tables, *item.optional):
                optional = " (can do without)" if name in item.optional else ""
                print(f"    {name}{optional}: {command(name)}")
    return 0
