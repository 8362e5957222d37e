"""Can the expression be told from the occluders' masks alone? It should not.

For every occluder and fraction a small classifier sees only where the masks lie, never a picture.
Its balanced accuracy (mean recall, 5-fold cross-validated) is held against that under permuted
labels. Writes --out/leakage.csv: a row per occluder and fraction with the accuracy, what chance
gives, p, p after Holm's correction, and the verdict: at chance, leaks, or constant (the same mask
for every face, which can say nothing).

examples:
  iram leakage --data fer2013:fer2013.csv --out runs/leakage
  iram leakage --data fer2013:fer2013.csv --conditions box,sham --limit 1000 --out runs/leakage
  iram leakage --data heads:n=1000 --conditions quick --out runs/leakage
"""

from pathlib import Path

from analysis.commands import options


def configure(parser) -> None:
    options.add_data(parser)
    options.add_conditions(parser)
    options.add_placement(parser)
    options.add_limit(parser)
    options.add_seed(parser, "of places, folds and permutations")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for leakage.csv")


def run(args) -> int:
    from analysis.engine import store
    from analysis.engine.sampling import sample
    from analysis.stimuli.conditions import select
    from analysis.studies.occlusion.leakage import leakage
    from iram.progress import progress_bar

    conditions = select(args.conditions)
    dataset = sample(options.faces(args), args.limit, args.seed)
    cameras = options.cameras(args, dataset)
    table = leakage(dataset, conditions, args.seed, cameras,
                    lambda measured: progress_bar(iterable=measured, unit="mask"))
    store.write_table(args.out / "leakage.csv", table)
    print("\n".join(_report(table, dataset)))
    print(f"\nin {args.out}: leakage.csv")
    return 0


def _report(table, dataset) -> list[str]:
    chance = table["chance"].iloc[0]
    lines = [f"\n{dataset.name}: {len(dataset)} faces, {round(1 / chance)} expressions, told from "
             f"the masks alone (%; chance {100 * chance:.1f})", "",
             f"  {'occluder':16s}{'fraction':10s}{'mean recall':14s}{'by chance (95%)':18s}"
             f"{'p':9s}{'p (Holm)':10s}verdict"]
    for row in table.itertuples():
        line = f"  {row.occluder:16s}{_size(row.fraction):10s}{100 * row.balanced_accuracy:<14.1f}"
        if row.verdict == "constant":
            line += f"{'':37s}"
        else:
            line += (f"{f'[{100 * row.null_low:.1f}, {100 * row.null_high:.1f}]':18s}{row.p:<9.3g}"
                     f"{row.p_holm:<10.3g}")
        lines.append(line + row.verdict)
    counts = table["verdict"].value_counts()
    said = [f"{counts.get(verdict, 0)} {verdict}" for verdict in ("at chance", "leaks", "constant")]
    return [*lines, "", "  " + ", ".join(said)]


def _size(fraction: float) -> str:
    return f"{fraction:.0%}" if fraction == fraction else "natural"
