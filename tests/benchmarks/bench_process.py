"""Whole processes: peak memory against the number of faces, opening the cache, start of the help.

    python tests/benchmarks/bench_process.py [DATA [MODEL]]

Goals: peak memory as high for all faces as for 500 of them, and under 1.5 GB; opening a cached
FER2013 under 1 s; `iram --help` under 0.5 s; `iram bench` to its first forward pass under 3 s;
keeping memory saves time.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

TURNS = 5


def main(data: str = "heads:n=5120", model: str = "iram") -> None:
    command = ["bench", "--data", data, "--models", model, "--batch-size", "64",
               "--conditions", "box-0.3-noise,eyes-0.3-blur"]
    peaks = {}
    for limit in ("500", None):
        with tempfile.TemporaryDirectory() as out:
            _, peaks[limit] = iram(*command, "--out", out, *(["--limit", limit] if limit else []))
    few, all_faces = peaks["500"], peaks[None]
    print(f"peak memory: {few:.0f} MB for 500 faces, {all_faces:.0f} MB for all "
          f"(ratio {all_faces / few:.2f})")
    opening = f"""if 1:
        import time, torch
        from iram import open_dataset
        open_dataset({data!r})
        started = time.perf_counter()
        open_dataset({data!r}).images(slice(0, 64))
        print(time.perf_counter() - started)"""
    seconds = [float(subprocess.check_output([sys.executable, "-c", opening])) for _ in range(3)]
    print(f"opening {data} again, and 64 images: {statistics.median(seconds):.2f} s")
    ratios = [passes(model, "keep_memory()") / passes(model, "") for _ in range(TURNS)]
    print(f"CPU time of passes, memory kept / mapped anew: {statistics.median(ratios):.2f}"
          f" ({min(ratios):.2f} to {max(ratios):.2f})")
    seconds = [iram("--help")[0] for _ in range(TURNS)]
    print(f"iram --help: {statistics.median(seconds):.2f} s")
    seconds = [first_pass(command) for _ in range(TURNS)]
    print(f"iram bench to its first forward pass: {statistics.median(seconds):.2f} s "
          f"({min(seconds):.2f} to {max(seconds):.2f})")


def first_pass(command: list[str]) -> float:
    """Seconds from the start of the process until a model is shown its first faces."""
    code = f"""if 1:
        import os, time
        from analysis.commands.main import main
        from analysis.subjects.subject import Subject
        Subject.logits = lambda *arguments: (print(time.time(), flush=True), os._exit(0))
        main({command!r} + ["--out", "unused"])"""
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.check_output(
            [sys.executable, "-c", code], cwd=folder, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.getcwd()},
        )
    return float(told.split()[-1]) - started


def passes(model: str, before: str) -> float:
    """CPU seconds of 20 batches in a process of their own, user's and system's."""
    code = f"""if 1:
        import time, torch
        from iram import load_model
        from iram.memory import keep_memory
        {before}
        model, images = load_model({model!r}), torch.zeros(64, 1, 48, 48)
        with torch.inference_mode():
            model(images)
            started = time.process_time()
            for _ in range(20):
                model(images)
        print(time.process_time() - started)"""
    return float(subprocess.check_output([sys.executable, "-c", code]))


def iram(*arguments: str) -> tuple[float, float]:
    """Seconds, and peak resident memory in MB, of one command.

    The peak is the process's own word: what `wait4` tells of a process begins with the memory of
    the one that started it.
    """
    code = """if 1:
        import re, sys
        from pathlib import Path
        from analysis.commands.main import main
        try:
            sys.exit(main())
        finally:
            print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])"""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    if done.returncode:
        raise SystemExit(f"iram {' '.join(arguments)} failed")
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
