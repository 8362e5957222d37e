"""The whole campaign: `make faults`, or `python -m faults` from the folder tests.

    python -m faults [--kills N] [--mutations N] [--only PART,...] [--formats NAME,...]
                     [--commands NAME,...] [--seed S] [--table FILE.csv]

Prints what was tried, and each finding; exit code 1 if there is one. A campaign that is cut short
goes on by parts: --only, --formats and --commands choose what is left, and another --seed tries
other faults. --table adds rows to a table that keeps all of them (`faults.told`).
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(1, str(Path(__file__).parents[1] / "helpers"))
import tiny
import torch

from analysis.studies import presets
from analysis.studies.attribution import Sizes
from faults import clusters, disks, interrupts, kills, mutations, pairs
from faults.runs import Whole, undisturbed
from faults.targets import TARGETS
from faults.told import Told, add, counted

PARTS = ("mutations", "kills", "interrupts", "pairs", "disks", "clusters")


def commands(folder: Path) -> dict[str, list[str]]:
    """Small runs of every command that computes for long."""
    smoke = replace(
        presets.PRESETS["smoke"], heads_conditions="eyes-0.3-mean", methods="attention,gradcam",
        sizes=Sizes(2, 2, 2, 1), shift_conditions="lower_half-0.3-noise,sham-0.3-noise",
    )
    presets.PRESETS["smoke"] = smoke  # as the processes forked from this one find it
    weights = ",".join(str(tiny.weights(folder, name)) for name in ("iram", "none"))
    heads = ["--data", "heads:n=60", "--models", weights]
    return {
        "bench": ["bench", *heads, "--limit", "8", "--batch-size", "8", "--conditions",
                  "eyes-0.3-mean,roll+15,yaw+30"],
        "attribute": ["attribute", *heads, "--limit", "8", "--methods", "attention,gradcam",
                      "--reference", "2", "--curves", "2", "--pairs", "2", "--sanity", "1"],
        "shift": ["shift", *heads, "--limit", "8", "--batch-size", "8", "--conditions",
                  "lower_half-0.3-noise,sham-0.3-noise"],
        "train": ["train", "--data", "heads:n=300,size=24", "--attention", "none",
                  "--recipe", "epochs=4,batch_size=16"],
        "study": ["study", "--data", "heads:n=20", "--models", weights, "--preset", "smoke",
                  "--batch-size", "4"],
    }


def main() -> int:
    args = _arguments()
    torch.set_num_threads(1)  # a fork must not come upon another thread's locks
    findings, started = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["IRAM_CACHE"] = str(folder / "cache")
        for part, lines in _campaign(folder, args):
            rows = []
            for row in counted(lines):
                rows.append(row)
                findings += row.findings
                if args.table:  # at once, for what is cut short
                    add(args.table, part, args.seed, rows)
    print(f"{findings} findings, {(time.monotonic() - started) / 60:.1f} minutes")
    return bool(findings)


def _campaign(folder: Path, args) -> Iterator[tuple[str, Iterator]]:
    """Each part's name, and what it tells."""
    if "mutations" in args.only:
        targets = {name: TARGETS[name] for name in args.formats}
        yield "mutations", mutations.campaign(folder / "mutations", targets, args.mutations,
                                              args.seed)
    if args.only == ["mutations"]:
        return
    wholes: dict[str, Whole] = {}
    runs = {k: v for k, v in commands(folder).items() if k in args.commands}
    yield "undisturbed", _undisturbed(folder, runs, wholes)
    parts = {
        "kills": lambda at: kills.campaign(at, wholes, args.kills, args.seed),
        "interrupts": lambda at: interrupts.campaign(at, wholes, args.interrupts, args.starts),
        "pairs": lambda at: pairs.campaign(at, wholes, args.pairs, args.seed),
        "disks": lambda at: disks.campaign(at, wholes, args.flips, args.fills, args.seed),
        "clusters": lambda at: clusters.campaign(at, wholes, args.clusters),
    }
    for name, part in parts.items():
        if wholes and name in args.only:
            yield name, part(folder / name)


def _undisturbed(folder: Path, runs: dict, wholes: dict[str, Whole]) -> Iterator[str | Told]:
    """Fills `wholes`, of runs that end twice to the same bytes."""
    for name, command in runs.items():
        try:
            wholes[name] = undisturbed(command, folder / name)
            yield Told(name, f"times run, {wholes[name].seconds:.1f} s each", 2)
        except AssertionError as error:
            yield f"{name}: {error}"
            yield Told(name, "times run", 2)


def _arguments():
    parser = argparse.ArgumentParser("faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=1000, help="of every kind of file")
    parser.add_argument("--kills", type=int, default=220, help="in all")
    parser.add_argument("--interrupts", type=int, default=12, help="stages of every command")
    parser.add_argument("--starts", type=int, default=6, help="libraries, at whose import")
    parser.add_argument("--pairs", type=int, default=2, help="of runs of every command")
    parser.add_argument("--flips", type=int, default=4, help="times that cells are damaged")
    parser.add_argument("--fills", type=int, default=4, help="sizes of disks that are too small")
    parser.add_argument("--clusters", type=int, default=2, help="runs of every command in which a "
                        "worker of a Dask cluster is killed")
    parser.add_argument("--only", type=_listed, default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--commands", type=_listed, default="bench,attribute,shift,train,study",
                        help="default: all")
    parser.add_argument("--formats", type=_listed, default=list(TARGETS), metavar="NAME,...",
                        help="of damaged files; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, metavar="FILE.csv",
                        help="where to keep what was tried")
    args = parser.parse_args()
    for kind, names, known in (("part", args.only, PARTS), ("format", args.formats, TARGETS)):
        if unknown := {*names} - {*known}:
            parser.error(f"no {kind} {', '.join(unknown)}; there are {', '.join(known)}")
    return args


def _listed(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main())
