"""The attention modules, the backbones, and the shipped weights with their accuracies; tables of
what training gave.

Accuracies are those of the cards, measured in fp32 on the weights as shipped: chosen on the
validation split, 95% Wilson intervals over the pictures of the split, copies of one
counted once.

--check tries everything on one batch of rendered heads and says what will work of a model, also of
one from outside, and what won't, with reasons: forward pass, batch independence, determinism,
gradient, attention, interventions, each family of attribution methods. It also says what the model
recognises of rendered heads, or of the faces of --data (their validation split), and what looks
wrong in its description: answers that are always the same, classes that it never predicts, another
order of classes or range of pictures that fits better. How a model from outside is
described says analysis/subjects/description.py.

--convert brings the weights in a file of torch.save (.pth, .pt, .bin, .ckpt) to safetensors, for
`weights` in a description: tensors are read, and nothing in the file is run.

--ledger writes to --out: ledger.csv (a row per cell of --grid and per card in the folders: done,
diverged, unfinished or missing; accuracies, recipe, commit), and, where the folders hold logs of
training, curves.csv (a row an epoch) and figures/training_curves. Nothing is run.

--means reads ledgers and writes means.csv to --out: of each label of the first ledger, and of
--reference, which may be in another, the mean accuracy over training seeds, with what it has over
the reference (95% intervals of Student's and Welch's t). For what differs in its recipe or size.

--compare runs every model once over the test split, or that of --split, and writes to --out:
accuracy.csv (each module against --reference, paired by image and seed: hierarchical bootstrap,
permutation test, Holm; with published figures), ablation.csv (each switch against the module as it
is), ablation.md (what it shows about each idea of IRAM's abstract), and figures/module_differences
and figures/ablation; further answers.parquet (a row a face, its class and what each model takes it
for) and cards/, which compare the same models again without weights and without data.

examples:
  iram models
  iram models --json    the cards, whole
  iram models --check net.py:build
  iram models --check net.onnx,cbam
  iram models --convert net.pth net.safetensors
  iram models --ledger runs/grid-study --grid study --out runs/training
  iram models --means runs/ledger.csv,results/training/ledger.csv --out runs/means
  iram models --compare runs/grid-study --data fer2013:fer2013.csv --out runs/training
  iram models --compare iram,none,cbam --data fer2013:fer2013.csv --out runs/shipped
  iram models --compare results/training/answers.parquet --out runs/again
"""

from pathlib import Path

from analysis.commands import options
from iram.errors import InputError
from iram.files import expanded, write_text
from iram.names import split_names

ALONE, TABLES = ("check", "convert"), ("ledger", "means", "compare")
ACTIONS = (*ALONE, *TABLES)
USES = {"layer": ("check",), "data": ("check", "compare"), "split": ("compare",),
        "grid": ("ledger",), "reference": ("means", "compare"), "out": TABLES}


def configure(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print the cards as JSON")
    parser.add_argument("--check", metavar="MODELS", help="shipped names, .safetensors, FILE.py:"
                        "factory, .onnx or .pt2")
    options.add_layer(parser)
    parser.add_argument("--convert", nargs=2, type=Path, metavar=("FILE.pth", "OUT.safetensors"),
                        help="bring weights of torch.save to safetensors")
    parser.add_argument("--ledger", metavar="DIRS", help="folders that `iram train` wrote")
    parser.add_argument("--grid", metavar="NAMES",
                        help="grids whose cells the ledger lists; default: study")
    parser.add_argument("--means", metavar="TABLES",
                        help="ledger.csv files: labels of the first beside --reference")
    parser.add_argument("--compare", metavar="MODELS",
                        help="folders, shipped names or .safetensors files, or the "
                        "answers.parquet of an earlier comparison")
    parser.add_argument("--split", metavar="NAME",
                        help="of --data, to compare on: test, or validation where something is to "
                        "be chosen; default: test")
    parser.add_argument("--data", metavar="SPEC", help="to compare on, or to check on: "
                        "fer2013:PATH, ...; answers.parquet needs none")
    parser.add_argument("--reference", metavar="LABEL",
                        help="what modules are compared with, none that has switches; default: "
                        "none, or the only net without attention")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where tables and figures go")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"],
                        help="auto takes a GPU where there is one")


def run(args) -> int:
    options.check_use(args, USES)
    asked = [name for name in ACTIONS if getattr(args, name) is not None]
    if len(asked) > 1 and asked[0] in ALONE:
        raise InputError(f"--{asked[0]} and --{asked[1]}: one at a time")
    if args.json and asked:
        raise InputError(f"--json is for the list of all weights, not for --{asked[0]}")
    if args.check is not None:
        return _check(args)
    if args.convert is not None:
        from analysis.subjects.convert import convert

        print("; ".join(convert(*args.convert)))
        return 0
    if not asked:
        return _list(args)
    if args.out is None:
        raise InputError("--ledger, --means and --compare write tables: name a folder with --out")
    if args.ledger is not None:
        _ledger(args)
    if args.means is not None:
        _means(args)
    if args.compare is not None:
        _compare(args)
    return 0


def _check(args) -> int:
    """0 if a study would take all of the models, else 2."""
    from analysis.subjects.check import check, is_usable, table

    names = split_names(args.check)
    if not names:
        raise InputError("--check names no model")
    usable = []
    for name in names:
        findings = check(name, options.device(args.device), args.data, args.layer)
        usable.append(is_usable(findings))
        print("\n".join([name, *table(findings)]), flush=True)
    return 0 if all(usable) else 2


def _list(args) -> int:
    import json

    from iram.attention import ATTENTION
    from iram.backbones import BACKBONES
    from iram.weights import pretrained
    from iram.zoo import works

    cards = pretrained()
    if args.json:
        print(json.dumps(cards, indent=1))
        return 0
    print(f"attention modules: {', '.join([*ATTENTION, 'none-matched'])}")
    print(f"backbones:         {', '.join(BACKBONES.where(work=''))}")
    print("nets like those of other works, as backbones too:")
    for backbone, work in works().items():
        print(f"  {backbone:16s} {BACKBONES.title(backbone)}, {work}")
    print()
    width = max(map(len, ["shipped weights", *cards]))
    print(f"{'shipped weights':{width}s} {'trained on':10s} {'backbone':9s} {'parameters':>10s}  "
          "accuracy")
    if not cards:
        print("(none)")
    for name, card in cards.items():
        architecture = card["architecture"]
        print(f"{name:{width}s} {card['data']['name']:10s} {architecture['backbone']:9s} "
              f"{card['parameters']:10,d}  {'; '.join(_plain(card))}")
    return 0


def _plain(card: dict) -> list[str]:
    """Accuracy of the single picture on each split, and on the test split without copies."""
    from iram.evaluate import single_views
    from iram.training.train_grid import WITHOUT_COPIES

    told = single_views(card["accuracy"])
    test = list(told)[-1:]
    told |= {name: result for name, result in card.get(WITHOUT_COPIES, {}).items()
             if name.startswith(tuple(test))}
    return [
        f"{split} {100 * r['accuracy']:.1f}% [{100 * r['low']:.1f}, {100 * r['high']:.1f}]"
        for split, r in told.items()
    ]


def _ledger(args) -> None:
    from analysis.engine.store import write_table
    from analysis.studies.training.ledger import curves, ledger
    from iram.registry import unknown
    from iram.training.grids import GRIDS

    names = ["study"] if args.grid is None else split_names(args.grid)
    for name in names or [args.grid]:
        if name not in GRIDS:
            raise InputError(unknown("grid", name, GRIDS))
    folders = [expanded(folder) for folder in split_names(args.ledger)]
    if not folders:
        raise InputError("--ledger names no folder")
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"--ledger: {folder} is no folder that `iram train` wrote")
    table = ledger([cell for name in names for cell in GRIDS[name]], folders)
    logs = curves(folders)
    write_table(args.out / "ledger.csv", table)
    if len(logs):  # a folder of cards alone has none
        write_table(args.out / "curves.csv", logs)
        _draw(args.out, {"training/ledger.csv": table, "training/curves.csv": logs})
    for row in table.itertuples():
        note = f" ({row.note})" if isinstance(row.note, str) and row.note else ""
        print(f"{row.name:34s} {row.status}{note}"
              + (f"  {100 * row.validation:.1f} / {100 * row.test:.1f}%"
                 if row.status == "done" else ""))
    print(f"\n{(table['status'] == 'done').sum()} of {len(table)} done; in {args.out}: ledger.csv"
          + ", curves.csv, figures/" * bool(len(logs)))


def _means(args) -> None:
    from analysis.engine.store import write_table
    from analysis.studies.training.lines import mean_line
    from analysis.studies.training.means import means, read_ledger

    tables = [read_ledger(expanded(name)) for name in split_names(args.means)]
    if not tables:
        raise InputError("--means names no ledger.csv")
    found = means(tables, args.reference or "none")
    write_table(args.out / "means.csv", found)
    print("mean accuracy over training seeds (%), and the difference from the reference (points)")
    print("\n".join(mean_line(row) for row in found.itertuples()))
    print(f"\nin {args.out}: means.csv")


def _compare(args) -> None:
    from analysis.engine.faces import of_all_faces
    from analysis.engine.store import write_table
    from analysis.studies.training.answers import ANSWERS, groups_of, write_answers
    from analysis.studies.training.copies import copies_table
    from analysis.studies.training.ideas import ideas_page
    from analysis.studies.training.lines import accuracy_line
    from analysis.studies.training.tables import (
        ablation_table,
        accuracy_table,
        by_label,
        on_groups,
    )
    from iram.data.copies import ALL_FACES

    models, faces = _answered(args)
    split = faces["usage"].iloc[0]
    by_label(models)  # models that can't stand in one table are a mistake before anything is kept
    write_answers(args.out, models, faces)  # kept even if the reference is then not among them
    groups = groups_of(faces)
    accuracy = on_groups(lambda on: accuracy_table(on, split, args.reference), models, groups)
    ablation = on_groups(lambda on: ablation_table(on, split), models, groups)
    write_table(args.out / "accuracy.csv", accuracy)
    write_table(args.out / "ablation.csv", ablation)
    if len(copied := copies_table(models, faces)):
        write_table(args.out / "copies.csv", copied)
    else:  # that of an earlier comparison would be of other faces
        (args.out / "copies.csv").unlink(missing_ok=True)
    if page := ideas_page(of_all_faces(ablation), models):
        write_text(args.out / "ablation.md", page)
    else:  # that of an earlier comparison would contradict the table
        (args.out / "ablation.md").unlink(missing_ok=True)
    drawn = _draw(args.out, {"training/accuracy.csv": accuracy, "training/ablation.csv": ablation,
                             "training/copies.csv": copied})
    for title, table in (("accuracy", accuracy), ("ablation", ablation)):
        for name, rows in table.groupby("faces", sort=False):
            where = "" if name == ALL_FACES else f", {name} of training faces"
            print(f"\n{title} (%), and the difference from the reference (points){where}")
            print("\n".join(accuracy_line(row, split) for row in rows.itertuples()))
    print(f"\nin {args.out}: accuracy.csv, ablation.csv{', ablation.md' * bool(page)}"
          f"{', copies.csv' * bool(len(copied))}"
          f"{', figures/' * bool(drawn)}, {ANSWERS}, cards/")


def _answered(args) -> tuple:
    """(models with their answers, run now or read; what the rows of the answers are)"""
    from analysis.studies.training.answers import ANSWERS, faces_of, read_answers
    from analysis.studies.training.measured import measure, weights_in
    from iram.data import open_dataset

    if Path(args.compare).name == ANSWERS:
        for option in ("data", "split"):
            if getattr(args, option) is not None:
                raise InputError(f"{args.compare} holds the answers already: leave out --{option}")
        return read_answers(expanded(args.compare))
    if args.data is None:
        raise InputError("--compare runs the models: name the data with --data")
    paths = weights_in(args.compare)
    dataset = open_dataset(args.data, split=args.split or "test")
    return measure(paths, dataset, options.device(args.device)), faces_of(dataset)


def _draw(out: Path, tables: dict) -> list[Path]:
    from analysis import figures

    return figures.draw(tables, out / "figures", "iram models")
