"""Check a data set: faces per split and class, size, licence, and every problem found.

A problem names file, row and value. Unusable rows are left out of the counts. Other commands
stop at them unless the data set's option skip_bad=1 is given, as in --data
fer2013:fer2013.csv,skip_bad=1. Worth knowing is what costs no face: files that are passed over,
folders that are one class, constant pictures, how many faces of a folder without splits of its own
fall to training, validation and test. Layouts, options, and the names of classes and splits are
told in docs/data.md.

examples:
  iram data fer2013:fer2013.csv
  iram data fer2013:fer2013.csv,votes=fer2013new.csv,ran_lists=lists --split PrivateTest
  iram data ferplus:fer2013.csv,fer2013new.csv --json
  iram data rafdb:RAF-DB
  iram data folder:faces,size=100
  iram data folder:val_set,classes=affectnet
"""

from iram.errors import InputError

FLAGS = ("real_occlusion", "pose_30", "pose_45")


def configure(parser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="KIND:PATH, such as fer2013:fer2013.csv")
    parser.add_argument("--split", metavar="NAME", help="train, test, PrivateTest, ...; "
                        "default: all of them")
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(args) -> int:
    import json

    from iram.data.specs import load

    dataset = load(args.spec)
    if not len(dataset):
        first = "; ".join(str(problem) for problem in dataset.problems[:3])
        raise InputError(f"{args.spec}: no usable face. {first}")
    problems = dataset.problems
    if args.split:
        dataset = dataset.split(args.split)
    report = _report(dataset, problems)
    print(json.dumps(report, indent=1) if args.json else _text(report))
    return 0


def _report(dataset, problems) -> dict:
    counts = dataset.counts()
    flags = [name for name in FLAGS if name in dataset.metadata]
    return {
        "name": dataset.name,
        "spec": dataset.spec,
        "faces": len(dataset),
        "size": dataset.size,
        "licence": dataset.licence,
        "sha256": dataset.sha256,
        "counts": {split: counts[split].to_dict() for split in counts},
        "flags": {
            name: {str(value): int(n) for value, n in dataset.metadata[name].value_counts().items()}
            for name in flags
        },
        "unusable": sum(problem.unusable for problem in problems),
        "problems": [
            {"file": p.file, "row": p.row, "message": p.message, "unusable": p.unusable}
            for p in problems
        ],
    }


def _text(report: dict) -> str:
    lines = [
        f"{report['name']}: {report['faces']:,} faces of {report['size']} x {report['size']} px",
        f"licence: {report['licence']}",
        f"sha256:  {report['sha256']}",
        "",
        *_table(report["counts"]),
    ]
    for name, values in report["flags"].items():
        lines.append(f"{name}: " + ", ".join(f"{value} {n:,}" for value, n in values.items()))
    notes = [p for p in report["problems"] if not p["unusable"]]
    unusable = [p for p in report["problems"] if p["unusable"]]
    lines += ["", f"problems: {len(unusable):,} unusable, {len(notes):,} worth knowing"]
    lines += [f"  {_line(p)}" for p in [*unusable, *notes]]
    return "\n".join(lines)


def _table(counts: dict) -> list[str]:
    """Classes down, splits across, with totals."""
    wide = max(len(name) for name in [*next(iter(counts.values())), "all"])
    columns = {split: {**column, "all": sum(column.values())} for split, column in counts.items()}
    widths = {split: max(len(split), 7) for split in columns}
    lines = [" " * wide + "".join(f"  {split:>{widths[split]}}" for split in columns)]
    for name in next(iter(columns.values())):
        cells = "".join(f"  {columns[s][name]:>{widths[s]},}" for s in columns)
        lines.append(f"{name:{wide}}{cells}")
    return lines


def _line(problem: dict) -> str:
    from iram.data.dataset import Problem

    return str(Problem(**problem))
