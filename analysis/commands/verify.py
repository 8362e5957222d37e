"""Do the shipped nets answer on this machine as where they were measured?

They are shown rendered heads, and what they answer is held against reference answers that go with
the weights: in fp32 as the nets are written (eager), with their batch norms folded, and in bf16,
with one thread and with two. Each way has to give the reference's predictions in at least 99.95%,
all nets together: of the 4200 predictions of 21 nets for 200 heads, 2 may differ. Told is also the
largest difference of a logit. It takes a minute or two; most of it is bf16 where the processor
emulates it.

Exit code: 0 it agrees, 1 it does not, 2 nothing could be compared.

--out DIR keeps the rows in DIR/processors.csv, beside those of other processors: flags, dtype,
backend, threads, how many predictions are equal, the largest difference, versions.

--write makes the reference on this machine: for new weights, or nets of your own. What it holds of
nets that are not named, for the same faces, stays.

examples:
  iram verify
  iram verify --models iram,none
  iram verify --dtype fp32
  iram verify --out results/verify
  iram verify --write --models runs/mine-seed0.safetensors --reference mine.parquet
  iram verify --models runs/mine-seed0.safetensors --reference mine.parquet
"""

import sys
from pathlib import Path

from analysis.commands import completion, options
from iram.errors import InputError
from iram.names import split_names


def configure(parser) -> None:
    parser.add_argument("--models", metavar="NAMES", help="shipped names, or .safetensors files "
                        "of ours; default: all of the reference, with --write all shipped ones",
                        ).completer = completion.models
    parser.add_argument("--reference", type=Path, metavar="FILE.parquet",
                        help="the reference answers; default: those that go with the weights")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], help="compare in this one alone; "
                        "default: both")
    parser.add_argument("--write", action="store_true", help="make the reference, on this machine")
    options.add_data(parser, required=False, split=False,
                     help="with --write: the faces; default: heads:n=200")
    parser.add_argument("--out", type=options.folder, metavar="DIR",
                        help="keep the rows in DIR/processors.csv")


def run(args) -> int:
    from analysis.subjects import verify
    from iram.weights import pretrained

    path = args.reference or verify.SHIPPED
    models = split_names(args.models) if args.models is not None else None
    if models == []:
        raise InputError("--models names no net")
    if args.write and (args.dtype or args.out):
        raise InputError(f"--{'dtype' if args.dtype else 'out'} is for a comparison; --write makes "
                         "the reference, in both dtypes, at --reference")
    if args.write:
        return _write(path, models or list(pretrained()), args.data or verify.DATA)
    if args.data:
        raise InputError("--data is for --write: a reference tells its faces itself")
    ways = [way for way in verify.WAYS if args.dtype in (None, way.dtype)]
    return _compare(path, models, ways, args.out)


def _write(path: Path, models: list[str], data: str) -> int:
    from analysis.subjects.verify import MADE, write_reference
    from iram.progress import progress_bar

    with progress_bar(total=len(MADE) * len(models), unit="net") as bar:
        predictions = write_reference(path, models, data, bar.update)
    print(f"{path}: {predictions} predictions, in fp32 and bf16")
    return 0


def _compare(path: Path, models: list[str] | None, ways: list, out: Path | None) -> int:
    from analysis.subjects.verify import EQUAL, compare, keep, may_differ, read_reference
    from iram.dtype import processor
    from iram.progress import progress_bar

    known = read_reference(path)
    nets = len(models) if models else known["model"].nunique()
    with progress_bar(total=len(ways) * nets, unit="net") as bar:
        rows = compare(known, models, bar.update, ways)
    here, first = processor(), rows.iloc[0]
    print(f"{here['processor']}: {here['capability']}, bf16 {here['bf16']}\n"
          f"{first.nets} nets, {first.faces} faces (pixels: {first.pixels}): {first.predictions} "
          f"predictions, of which {may_differ(first.predictions)} may differ\n\n"
          f"  {'dtype':7s}{'backend':9s}{'threads':9s}{'equal':10s}largest difference of a logit")
    for row in rows.itertuples():
        print(f"  {row.dtype:7s}{row.backend:9s}{row.threads:<9d}{f'{row.equal:.2%}':10s}"
              f"{row.largest_difference:.2g}")
    if out is not None:
        keep(out / "processors.csv", rows)
        print(f"\nin {out}: processors.csv")
    if rows["agrees"].all():
        return 0
    told = "; ".join(f"{row.dtype} {row.backend}, threads {row.threads}: {row.equal:.2%}"
                     for row in rows[~rows["agrees"]].itertuples())
    print(f"iram: this machine disagrees with {path}: {told} of the predictions are equal, not "
          f"{EQUAL:.2%}, or a logit is not finite", file=sys.stderr)
    return 1
