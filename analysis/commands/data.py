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
  iram data folder:faces --copies copies.csv
  iram data folder:val_set,classes=affectnet
"""

from pathlib import Path

from iram.errors import InputError

KINDS = ("exact", "near", "mirrored")  # of copies
FLAGS = ("real_occlusion", "pose_30", "pose_45")


def configure(parser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="KIND:PATH, such as fer2013:fer2013.csv")
    parser.add_argument("--split", metavar="NAME", help="train, test, PrivateTest, ...; "
                        "default: all of them")
    parser.add_argument("--json", action="store_true", help="print the same as JSON")
    parser.add_argument("--copies", type=Path, metavar="FILE.csv",
                        help="write the list of copies: each face, of which other, with labels")
    parser.add_argument("--counts", type=Path, metavar="FILE.csv",
                        help="write how many there are, by splits and kind")


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
    report = _report(dataset, problems) | {"copies": _copies(dataset, args)}
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
    lines += ["", *_copies_table(report["copies"])]
    notes = [p for p in report["problems"] if not p["unusable"]]
    unusable = [p for p in report["problems"] if p["unusable"]]
    lines += ["", f"problems: {len(unusable):,} unusable, {len(notes):,} worth knowing"]
    lines += [f"  {_line(p)}" for p in [*unusable, *notes]]
    return "\n".join(lines)


def _copies(dataset, args) -> dict | None:
    """The copies among the faces in numbers, and in the files; None of faces not looked at."""
    from analysis.engine.store import write_table
    from iram.data.copies import LISTED, find_copies, search

    files = {"copies": args.copies, "counts": args.counts}
    if dataset.renders and not any(files.values()):
        return None
    copies = search(dataset) if dataset.renders else find_copies(dataset, shown=True)
    listed = copies.listed()
    listed = listed[listed["place"].isin(dataset.places)]
    counts = copies.counts(listed)
    for name, table in (("copies", listed[LISTED]), ("counts", counts)):
        if files[name] is not None:
            write_table(files[name], table)
    groups, other_label = copies.groups()
    return {"pictures": groups, "pictures_other_label": other_label,
            "counts": counts.to_dict("records")}


def _copies_table(copies: dict | None) -> list[str]:
    """Which split in which down, kinds across."""
    if copies is None:
        return ["copies: not looked for, since each face is rendered from a seed of its own"]
    if not copies["counts"]:
        return ["copies: none found"]
    lines = [
        f"copies: {copies['pictures']:,} pictures stand more than once pixel for pixel, "
        f"{copies['pictures_other_label']:,} of them with different labels",
        f"{'(with another label)':30s}" + "".join(f"{kind:>16s}" for kind in KINDS),
    ]
    cells: dict = {}
    for row in copies["counts"]:
        cell = f"{row['faces']:,} ({row['other_label']:,})"
        cells.setdefault((row["split"], row["of_split"]), {})[row["kind"]] = cell
    return lines + [
        f"{f'  of {split} in {of}':30s}" + "".join(f"{found.get(k, '0'):>16s}" for k in KINDS)
        for (split, of), found in cells.items()
    ]


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
