"""The whole campaign: `make faults`, or `python -m faults` from the folder tests.

    python -m faults [--kills N] [--mutations N] [--flips N] [--seed S]

Prints what was tried, and each finding; exit code 1 if there is one.
"""

import argparse
import itertools
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import tiny
import torch

from faults import disks, kills, mutations


def commands(folder: Path) -> dict[str, list[str]]:
    """Small runs of every command that computes for long."""
    weights = ",".join(str(tiny.weights(folder, name)) for name in ("iram", "none"))
    heads = ["--data", "heads:n=60", "--models", weights, "--limit", "8"]
    return {
        "bench": ["bench", *heads, "--batch-size", "8", "--conditions", "smoke"],
        "attribute": ["attribute", *heads, "--methods", "attention,gradcam,random",
                      "--reference", "3", "--curves", "2", "--pairs", "2", "--sanity", "2"],
        "train": ["train", "--data", "heads:n=300,size=24", "--attention", "none",
                  "--recipe", "epochs=4,batch_size=16"],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser("faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=80, help="of every command")
    parser.add_argument("--mutations", type=int, default=1000, help="of every kind of file")
    parser.add_argument("--flips", type=int, default=20, help="times that cells are damaged")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)  # a fork must not come upon another thread's locks
    findings = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["IRAM_CACHE"] = str(folder / "cache")
        runs = commands(folder)
        for told in itertools.chain(
            mutations.campaign(folder / "mutations", args.mutations, args.seed),
            disks.campaign(folder / "disks", runs["bench"], args.seed, args.flips),
            kills.campaign(folder / "kills", runs, args.kills, args.seed),
        ):
            print(told, flush=True)
            findings += is_finding(told)
    print(f"{findings} findings")
    return bool(findings)


def is_finding(told) -> bool:
    return not isinstance(told, str) or not told.startswith(("ok ", "skip "))


if __name__ == "__main__":
    sys.exit(main())
