"""Nets side by side, ours, those like other works' (`iram train --grid zoo`) and your own: one row
a net, from what `iram bench` and `iram attribute` have found; and what only some nets can show.

Reads the runs of these two in occlusion/ and attribution/ of --out, as far as they are there, and
measures how many faces a second each net answers, in turns. Writes to --out: zoo.csv (accuracy,
with and without copies of training faces; parameters and speed; what occlusion, head pose and real
occluders cost, beside the reference of the run on the same faces; how well attribution tells; what
is published); of a bidirectional net prototypes.csv (the face that it draws of each class), of one
with streams streams.csv (what each adds to the answer); and figures.

examples:
  iram zoo --models iram,none,cbam --out runs/zoo
  iram zoo --models runs/grid-zoo/zoo-crops-seed0.safetensors,net.py:build,none --out runs/mine
  iram zoo --models runs/grid-zoo/zoo-bidirectional-seed0.safetensors --out runs/prototypes

The runs are those of the same models, as of `iram bench --data ... --models iram,none,cbam
--ran-lists ran_lists --out runs/zoo/occlusion` and `iram attribute ... --out runs/zoo/attribution`;
results/commands/zoo.sh has all of it. --data are the faces of the speeds, the prototypes and the
streams: by default rendered heads.
"""

from pathlib import Path

from analysis.commands import options

DATA = "heads:n=3500"  # of which 700 are the test split
BATCH = 64
PARTS = {"occlusion": "iram bench --ran-lists ... --out {}", "attribution":
         "iram attribute ... --out {}"}


def configure(parser) -> None:
    options.add_models(parser)
    options.add_data(parser, required=False, help=f"default: {DATA}")
    options.add_seed(parser, "of occluders and intervals")
    options.add_device(parser)
    parser.add_argument("--out", type=options.folder, default=Path("runs", "zoo"), metavar="DIR",
                        help="where the runs lie, and where tables and figures go; default: "
                        "runs/zoo")


def run(args) -> int:
    import pandas as pd

    from analysis import figures
    from analysis.engine.sampling import sample
    from analysis.engine.store import write_table
    from analysis.stimuli.placed import placed
    from analysis.studies.zoo import inside, table
    from analysis.studies.zoo.speed import passes_per_second
    from analysis.subjects.opening import open_study
    from analysis.subjects.roles import groups

    dataset = options.faces(args, DATA)
    subjects, dataset = open_study(args.models, dataset, options.device(args.device))
    first = {next(iter(own.values())) for own in groups(subjects).values()}
    first = [subject for subject in subjects if subject.name in first]
    runs = table.read_tables(args.out)
    speeds = passes_per_second(first, sample(dataset, BATCH, args.seed).images(slice(None)))
    made = {"zoo": table.zoo_table(subjects, runs, speeds)}
    shown = {"prototypes": ("bidirectional", inside.drawn_prototypes, ()),
             "streams": ("crops", inside.stream_shares, (placed(dataset, None), args.seed))}
    for name, (backbone, show, more) in shown.items():
        found = [show(one, dataset, *more) for one in first if inside.backbone(one) == backbone]
        if found:
            made[name] = pd.concat(found, ignore_index=True)
        else:  # those of an earlier call would be of other nets
            for stale in (f"{name}.csv", f"figures/{name}_*"):
                for path in list(args.out.glob(stale)):
                    path.unlink()
    for name, one in made.items():
        write_table(args.out / f"{name}.csv", one)
    drawn = figures.draw({f"zoo/{name}.csv": one for name, one in made.items()},
                         args.out / "figures", f"{dataset.name}, {len(dataset)} faces")
    print("\n".join(_lines(made["zoo"])))
    for name in table.TABLES:
        if name not in runs:
            part = name.partition("/")[0]
            print(f"not there yet: {args.out / name}, by {PARTS[part].format(args.out / part)}")
    print(f"\nin {args.out}: {', '.join(f'{name}.csv' for name in made)}"
          f"{', figures/' * bool(drawn)}")
    return 0


def _lines(table) -> list[str]:
    """A line a net: accuracy, what is lost beyond the reference, size and speed; then why some are
    marked."""
    import pandas as pd

    from analysis.engine.marks import reasons
    from analysis.figures.names import model_titles

    titles, marks = model_titles(table["label"]), reasons(table, "label")
    lines = ["", f"{'':40s}{'accuracy (%)':20s}{'lost, less the reference':26s}"
             f"{'parameters':>11s}{'faces/s':>9s}"]
    for row in table.itertuples():
        size = "unknown" if pd.isna(row.parameters) else f"{row.parameters:,}"
        name = titles[row.label] + " (elsewhere)" * (row.trained == "elsewhere")
        name += " (marked)" * (row.label in marks)
        lines.append(
            f"{name:40s}{_interval(row, 'accuracy'):20s}{_interval(row, 'lost_difference'):26s}"
            f"{size:>11s}{row.passes_per_second:9,.0f}")
    told = "(marked) nothing is to be read from the robustness of"
    return [*lines, *(f"{told} {titles[label]}: {why}" for label, why in marks.items())]


def _interval(row, name: str) -> str:
    value, *ends = (100 * getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    if value != value:
        return "not measured" if name == "accuracy" else "-"
    if ends[0] != ends[0]:  # too few faces
        return f"{value:.1f} [unknown]"
    return f"{value:.1f} [{ends[0]:.1f}, {ends[1]:.1f}]"
