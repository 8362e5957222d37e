"""Train on a data set's training split, choose on its validation split, report its test split.

One model, every combination of --attention and --seeds, or a --grid of iram/training/grids.py.
What is finished is skipped (an accuracy that its card lacks is added), what was killed goes on from
its last epoch to the same result, and several processes may share a grid: none takes a cell that
another one is at. --workers starts so many: on a CPU one a core is fastest; on a GPU several small
nets share it.

grids: study (on FER2013: what is compared, its controls, IRAM's ablation; three seeds),
confirmation (new seeds for the verdicts), study-5 (all of study with five), readings (of IRAM),
ferplus and robust (--data ferplus:...: the study's nets; what helps on really occluded faces), zoo
(on FER2013: nets like those of ten other works; three seeds), away (on FER2013: attention that is
taught to look away, and its controls; three seeds), reference (IRAM on a wide net, for two cores,
and on resnet18, for a GPU), heads, recipe (the search for a recipe), speed (the search for a
shorter one).

switches of --attention, with their defaults (eca and none have none):
  iram        reuse=both (none, branch, layer), reduction=1, fusion=adaptive (multiply, residual),
              start=even (random), gain=1.0
  iram-factored  reuse=both (none, branch, layer), kernel_size=7 (odd)
  se          reduction=16
  cbam        reduction=16, kernel_size=7 (odd)
  coordinate  reduction=32
  simam       regulariser=0.0001
  regional    regions=3
  of the net  width=1.0, dropout=0.2, place=branch (block)

terms of the loss: --recipe terms=NAME:WEIGHT+NAME:WEIGHT; cross_entropy has weight 1 unless told.
  cross_entropy, contrastive (pairs of the batch), distillation (with teacher=NAME or FILE),
  streams (apart, then joined), members (of an ensemble, each its own), reconstruction; of a face
  beside the same face covered (erasing=1): consistency, attention_stays, attention_falls,
  features_stay

examples:
  iram train --data fer2013:fer2013.csv --attention iram --out runs/iram
  iram train --data fer2013:fer2013.csv --attention iram,none,cbam --seeds 0,1,2 --out runs/grid
  iram train --grid study --dry-run    what is done in runs/grid-study, and what ships
  iram train --data fer2013:fer2013.csv --grid study --workers 2
  iram train --data fer2013:fer2013.csv --grid study --only "iram-reuse-*"
  iram train --data fer2013:fer2013.csv --grid study --recipe epochs=60 --suffix=-long --out runs/x
  iram train --data heads --attention iram --recipe epochs=6,lr=0.05 --out runs/y
  iram train --data fer2013:fer2013.csv --attention none --recipe terms=contrastive:0.5 --out runs/z
  iram train --data fer2013:fer2013.csv --grid zoo --only "zoo-*-seed0"
  iram train --data fer2013:fer2013.csv --recipe pretrained=iram,epochs=2,lr=0.02 --out runs/on
  iram train --data fer2013:fer2013.csv --without-copies --suffix=-without-copies --out runs/x
  iram train --data folder:faces --attention iram --switches reuse=layer,reduction=4 --out runs/x
"""

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from analysis.commands import options
from iram.errors import InputError, listing


def configure(parser) -> None:
    options.add_data(
        parser, required=False, help="fer2013:PATH, heads, ...; not for --dry-run", split=False
    )
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="weights, logs; default: runs/grid-GRID, or runs/train")
    parser.add_argument("--attention", metavar="NAMES", help="default: iram")
    parser.add_argument("--seeds", metavar="N,N", help="default: 0")
    parser.add_argument("--backbone", metavar="NAME", help="default: compact")
    parser.add_argument("--switches", metavar="K=V,...",
                        help="of the attention module and the net; listed above")
    parser.add_argument("--recipe", default="", metavar="K=V,...",
                        help="see iram/training/recipe.py")
    parser.add_argument("--without-copies", action="store_true",
                        help="leave out training faces that are copies of validation or test "
                        "faces (iram data counts them); as --recipe without_copies=true")
    parser.add_argument("--suffix", default="", help="added to the names: --suffix=-heads")
    parser.add_argument("--grid", metavar="NAME",
                        help="the cells of iram/training/grids.py, by name")
    parser.add_argument("--only", metavar="PATTERNS", help='names to train, such as "iram-*,se-*"')
    parser.add_argument("--dry-run", action="store_true",
                        help="list the cells, what is done, and the time left")
    parser.add_argument("--workers", type=int, default=1, metavar="N",
                        help="processes that train side by side, one thread each; default: 1, with "
                        "all threads")
    options.add_device(parser, dtype=True)


def run(args) -> int:
    cells = _only(_cells(args), args.only)
    out = args.out or Path("runs", f"grid-{args.grid}" if args.grid else "train")
    if args.dry_run:
        print("\n".join(_progress(cells, out)))
        return 0
    if args.data is None:
        raise InputError("--data: what to train on is not given, such as fer2013:fer2013.csv")
    options.check_workers(args.workers)
    from iram.data import open_dataset

    dataset = open_dataset(args.data)
    where = {"device": options.device(args.device), "dtype": args.dtype}
    if args.workers == 1:
        from iram.training.train_grid import train_grid

        diverged = train_grid(cells, dataset, out, **where)
    else:
        from analysis.studies.training.side_by_side import train_side_by_side

        diverged = train_side_by_side(cells, dataset, out, args.workers, **where)
    if diverged:
        raise InputError(f"diverged: {listing(diverged)}; a lower --recipe lr= may help")
    return 0


def _cells(args) -> list:
    from iram.training.grids import product

    if not re.fullmatch(r"[\w.+-]*", args.suffix):
        raise InputError(f"--suffix: '{args.suffix}' must be letters, digits, '-', '_', '.' or '+'")
    recipe = options.pairs(args.recipe, "--recipe")
    if args.without_copies:
        recipe["without_copies"] = True
    if args.grid:
        cells = _grid_cells(args, recipe)
    else:
        architecture = {"backbone": _given(args.backbone, "compact")}
        switches = options.pairs(_given(args.switches, ""), "--switches")
        seeds = dict.fromkeys(options.whole_numbers(_given(args.seeds, "0"), "--seeds"))
        if min(seeds) < 0:  # "none-seed-1" would not be read as a name with a seed
            raise InputError(f"--seeds: {min(seeds)} is below 0; write whole numbers such as 0,1")
        attention = [*dict.fromkeys(_given(args.attention, "iram").split(","))]
        _check_switches(switches, attention)
        cells = product(attention, seeds, args.suffix, architecture | switches, recipe)
    for cell in cells:  # a mistake in the last cell should not wait for the first to be trained
        _check(cell)
    return cells


def _only(cells: list, patterns: str | None) -> list:
    """The cells whose name fits one of the patterns; all of them without any."""
    if patterns is None:
        return cells
    wanted = [part.strip() for part in patterns.split(",")]
    for pattern in wanted:
        if not any(fnmatchcase(cell.name, pattern) for cell in cells):
            names = listing(cell.name for cell in cells)
            raise InputError(f"--only: no name fits '{pattern}'; there are {names}")
    return [cell for cell in cells if any(fnmatchcase(cell.name, p) for p in wanted)]


def _progress(cells: list, out: Path) -> list[str]:
    """A line per cell, and one on the time that is left."""
    from iram.training.ledger import seconds_left, ships, status

    lines, count = [], 0
    for cell in cells:
        what, word = status(cell, out)
        count += what == "done"
        if what == "missing" and ships(cell):
            word = "such weights ship with the package"
        lines.append(f"{cell.name:40s} {what}{': ' if word else ''}{word}")
    seconds = seconds_left(cells, out)
    left = "" if seconds is None else f"; about {seconds / 3600:.1f} h of training left"
    return [*lines, f"{count} of {len(cells)} done in {out}{left}"]


def _given(value: str | None, default: str) -> str:
    """The default is filled in late: --grid must tell what was given from what was not."""
    return default if value is None else value


def _grid_cells(args, recipe: dict) -> list:
    """The grid's cells; a recipe and a suffix from the command line apply to all of them."""
    from iram.registry import unknown
    from iram.training.grids import GRIDS

    if args.grid not in GRIDS:
        raise InputError(unknown("grid", args.grid, GRIDS))
    for name in ("attention", "seeds", "backbone", "switches"):
        if getattr(args, name) is not None:
            raise InputError(f"--{name} and --grid: the grid '{args.grid}' says that itself")
    return [
        replace(cell, label=cell.label + args.suffix, recipe=cell.recipe | recipe)
        for cell in GRIDS[args.grid]
    ]


def _check_switches(switches: dict, attention: list[str]) -> None:
    """Every module must take every switch; those of the net are any module's."""
    from iram.architecture import switches_of
    from iram.registry import unknown

    for module in attention:
        known = [*switches_of(module), "width", "dropout", "place"]
        for name in switches:
            if name not in known:
                raise InputError(f"--switches: {unknown(f'switch of {module}', name, known)}")


def _check(cell) -> None:
    """Builds the cell's model without its weights."""
    import torch

    from iram.model import FERClassifier
    from iram.training.terms import check_terms

    planned, recipe = cell.build(("a", "b"), 48)
    with torch.device("meta"):
        model = FERClassifier(planned)
    check_terms(model, recipe)
