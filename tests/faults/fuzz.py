"""Readers under atheris, a fuzzer that sees which branches of the code a file reaches, and goes on
from the files that reach new ones. It begins with the good file of each of `faults.targets`.

    python -m faults.fuzz NAME,... [--seconds N] [--seed S] [--keep DIR] [--table FILE.csv]

A finding is what `faults.mutations.tried` finds wrong, or a process that ends; each kind is told
once, and the first file of it is left in --keep. Exit code 1 if there is one. --table adds a row a
reader and seed. Needs atheris, which the tests don't: CONTRIBUTING.md.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(1, str(Path(__file__).parents[1] / "helpers"))
import atheris

with atheris.instrument_imports(include=["iram", "analysis"]):
    import numpy as np
    import torch

    from faults.mutations import Target, mutated, tried
    from faults.runs import ended, forked
    from faults.targets import TARGETS
    from faults.told import Told, add

OURS = 0.5  # share of files that are changed as `faults.mutations` does, which knows lines
OPTIONS = ["-rss_limit_mb=6000", "-timeout=120", "-verbosity=0"]


def main() -> int:
    args = _arguments()
    torch.set_num_threads(1)  # a fork must not come upon another thread's locks
    found = False
    with tempfile.TemporaryDirectory() as name:
        os.environ["IRAM_CACHE"] = f"{name}/cache"
        for reader in args.names:
            told = fuzzed(Path(name), reader, TARGETS[reader], args.seconds, args.seed, args.keep)
            print(told, flush=True)
            found |= bool(told.findings)
            if args.table:
                add(args.table, "fuzz", args.seed, [told])
    return found


def fuzzed(
    folder: Path, name: str, target: Target, seconds: float, seed: int = 0, keep: Path | None = None
) -> Told:
    """What came of a reader, fuzzed in a process of its own, so that one that ends is a finding.

    Args:
        seconds: how long, by the clock.
        keep: where the files are left of which something was found.
    """
    told, log = folder / f"{name}.json", folder / f"{name}.log"
    told.write_text(json.dumps({"begun": False}))
    process = forked(lambda: _child(folder / name, target, seconds, seed, told), log)
    code, found = ended(process), json.loads(told.read_text())
    findings = found.get("findings", {})
    if code or "executions" not in found:
        findings[f"ended with code {code}: {log.read_text(errors='replace')[-600:]}"] = ""
    for place, (what, data) in enumerate(findings.items()):
        print(f"{name}: {what}", flush=True)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{name}-{place}").write_bytes(bytes.fromhex(data))
    if "executions" not in found:
        return Told(name, "files at least: no numbers", 1, len(findings))
    seen = (f"files in {found['minutes']:.1f} minutes ({found['processor']:.0f} s of the "
            f"processor), {found['refused']} refused")
    return Told(name, seen, found["executions"], len(findings))


def _child(folder: Path, target: Target, seconds: float, seed: int, told: Path) -> int:
    """Fuzzes until the time is over; the process then ends, since `atheris.Fuzz` never returns."""
    folder.mkdir()
    path = target.write(folder)
    good = path.read_bytes()
    target.read(folder, path)  # that it is good
    begun, before = time.monotonic(), time.process_time()
    counts, findings = {"executions": 0, "refused": 0}, {}

    def one(data: bytes) -> None:
        if time.monotonic() - begun > seconds:
            told.write_text(json.dumps({
                **counts, "minutes": (time.monotonic() - begun) / 60,
                "processor": time.process_time() - before, "findings": findings}))
            os._exit(0)
        path.write_bytes(data)
        refused, wrong = tried(target, folder, path)
        counts["executions"] += 1
        counts["refused"] += refused
        for what in wrong:
            if _kind(what) not in map(_kind, findings):
                findings[what] = data.hex()

    corpus = told.with_suffix(".corpus")
    corpus.mkdir()
    (corpus / "good").write_bytes(good)
    most = f"-max_len={2 * len(good) + 4096}"
    atheris.Setup([sys.argv[0], *OPTIONS, most, f"-seed={seed + 1}", f"-artifact_prefix={folder}/",
                   str(corpus)], one, custom_mutator=_changed)
    atheris.Fuzz()
    return 1  # never


def _changed(data: bytes, most: int, seed: int) -> bytes:
    generator = np.random.default_rng(seed)
    if generator.random() < OURS:
        return mutated(data, generator)[:most]
    return atheris.Mutate(data, most)


def _kind(what: str) -> str:
    """Of a traceback the place and the kind of error; of a message its beginning."""
    lines = what.splitlines()
    places = [line for line in lines if line.lstrip().startswith("File ")]
    return f"{places[-1:]}{lines[-1]:.40}"


def _arguments():
    parser = argparse.ArgumentParser("faults.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("names", type=lambda text: text.split(","), metavar="NAME,...",
                        help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=150, help="of each reader, by the clock")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for files with a finding")
    parser.add_argument("--table", type=Path, metavar="FILE.csv")
    args = parser.parse_args()
    if unknown := {*args.names} - {*TARGETS}:
        parser.error(f"no format {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    return args


if __name__ == "__main__":
    sys.exit(main())
