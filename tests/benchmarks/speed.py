"""Every ratio of speed in one run: `make benchmarks` prints them as a table and keeps it.

    python tests/benchmarks/speed.py [OUT [MEASURES]]

Pairs are timed in turns, ratios of one turn each: minimum, median and maximum. What one thread of
this process does is timed by its processor's own time, so that other work does not count. OUT
gets speed.csv, and processor.csv: what it was measured on; by default results/speed/KIND, a folder
for each kind of processor: what computes bf16 (amx_bf16), else fp32 (avx2).
MEASURES are some of passes, convolutions, engine, occlusion, deletion, shapley, whole, training,
start, memory; what OUT holds of the others stays.
"""

import gc
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1] / "helpers"))
import bench_attribution as maps
import bench_convolutions as least
import bench_faithfulness as curves
import bench_process as process
import bench_train as trained
from ratios import COLUMNS, TURNS, line, paired, row, seconds

from analysis import attribute
from analysis.attributions import shapley_values
from analysis.engine.cells import complete
from analysis.engine.parallel import Executor
from analysis.engine.store import read_table, versions, write_table
from analysis.engine.timing import duration
from analysis.metrics import perturbation_curves, reference, removal_order
from analysis.stimuli.conditions import select
from analysis.stimuli.placed import placed
from analysis.studies.occlusion.engine import compute
from analysis.studies.occlusion.plan import Benchmark
from analysis.subjects import Subject, open_subjects
from analysis.subjects.backends import lacking
from analysis.subjects.subject import changed
from iram import open_dataset
from iram.architecture import FER2013_CLASSES
from iram.dtype import native_bf16, processor
from iram.errors import InputError
from iram.memory import keep_memory

MODELS, BATCH, FACES = ("iram", "none", "cbam"), 32, 128
QUICKER = {"none-sgd": 0.50, "none-muon": 0.50, "none-muon-augment-less": 0.50,
           "none-muon-28": 1.00}  # of the grid "speed", with their goals
PART = 30  # every 30th place of the default benchmark, under all that is painted there


def main(out: str = "", names: str = "") -> None:
    out = out or f"results/speed/{native_bf16() or processor()['capability'].lower()}"
    keep_memory()
    torch.set_num_threads(1)
    table, started = Path(out) / "speed.csv", time.perf_counter()
    chosen = names.split(",") if names else list(MEASURES)
    before = read_table(table) if table.exists() else pd.DataFrame(columns=COLUMNS)
    rows = before[~before["measure"].isin(chosen)].to_dict("records")
    here = pd.DataFrame({**machine(), **versions("torch", *installed("onnxruntime"))}.items(),
                        columns=["name", "told"])
    print("\n".join(f"{name}: {told}" for name, told in here.to_numpy()), flush=True)
    write_table(Path(out) / "processor.csv", here)
    for name in chosen:
        begun = time.perf_counter()
        for one in MEASURES[name]():
            rows.append({"measure": name, **one})
            print(line(one), flush=True)
        write_table(table, pd.DataFrame(rows, columns=COLUMNS), decimals=3)
        print(f"  {name}: in {duration(time.perf_counter() - begun)}", flush=True)
        gc.collect()
    took = duration(time.perf_counter() - started)
    if chosen == list(MEASURES):
        here.loc[len(here)] = ["whole run", took]
        write_table(Path(out) / "processor.csv", here)
    print(f"in {took}; {out}/speed.csv")


def machine() -> dict[str, str]:
    """What this machine computes with."""
    return {**processor(), "cores": str(len(os.sched_getaffinity(0))),
            "load": f"{os.getloadavg()[0]:.1f}",
            **{name: lacking(name) or "there" for name in ("compile", "onnxruntime")}}


def installed(*packages: str) -> list[str]:
    return [name for name in packages if not lacking(name)]


def subject(name: str, bf16: bool = False) -> Subject:
    [one] = open_subjects(name, FER2013_CLASSES, bf16=bf16)
    one.model  # noqa: B018 (read outside of inference)
    return one


def by(one: Subject, backend: str) -> Subject | None:
    """The model by a backend; None, and why, where it can't have it."""
    other = changed(one, backend=backend)
    try:
        other.passes  # noqa: B018
    except InputError as error:
        print(f"  {one.name}: not by {backend}: {error}", flush=True)
        return None
    return other


def fastest(one: Subject) -> Subject:
    """By the backend that is fastest here."""
    few, times = pictures(), {}
    for backend in ("eager", "folded", "compile", *([] if one.bf16 else ["onnxruntime"])):
        if other := by(one, backend):
            other.logits(few)
            times[min(seconds(lambda other=other: other.logits(few)) for _ in range(3))] = other
    return times[min(times)]


def pictures(count: int = 2 * BATCH) -> Tensor:
    return torch.rand(count, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def passes():
    """Backends / eager."""
    few, native = pictures(), native_bf16()
    for name in MODELS:
        plain, half = subject(name), subject(name, True)
        for backend in ("folded", "onnxruntime", "compile"):
            if other := by(plain, backend):
                ratios = paired(lambda o=other: o.logits(few), lambda p=plain: p.logits(few))
                yield row(f"{backend} / eager, fp32", name, ratios,
                          None if native or backend == "folded" else 0.60)
        if native and (other := by(half, "compile")):
            for against, goal, dtype in ((half, 0.50, "bf16"), (plain, None, "fp32")):
                ratios = paired(lambda o=other: o.logits(few), lambda a=against: a.logits(few))
                yield row(f"compile in bf16 / eager {dtype}", name, ratios, goal)


def convolutions():
    """What no backend can save, and how near it is to what the processor computes."""
    few = pictures(BATCH)
    for name in MODELS:
        for half in (False, True) if native_bf16() else (False,):
            one, dtype = subject(name, half), torch.bfloat16 if half else torch.float32
            alone, operations = least.convolutions(one.model, few, dtype)
            told = f"{name}, {'bf16' if half else 'fp32'}"
            yield row("its convolutions alone / eager", told,
                      paired(alone, lambda one=one: one.logits(few)), None)
            as_many = operations / least.OPERATIONS
            yield row("its convolutions / matrix products as large", told,
                      [one / as_many for one in paired(alone, least.product(dtype))], None)


def engine():
    """The benchmark, files and all / the bare passes that it makes, by the same backend, in the
    type of `--dtype auto`."""
    dataset = open_dataset(f"heads:n={FACES}", split="all")
    images = dataset.images(slice(None))
    cameras, every = placed(dataset, None), select("default")
    places = list(dict.fromkeys(condition.place for condition in every))[::PART]
    conditions = [condition for condition in every if condition.place in places]
    half = bool(native_bf16())
    models = [fastest(subject(name, half)) for name in MODELS]

    def bare() -> None:
        for one in models:
            seen = [one.faces(part) for part in images.split(BATCH)]
            with torch.inference_mode():
                for _ in conditions:
                    for part in seen:
                        one.passes(part)

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            plan = Benchmark(models, dataset, conditions, Path(folder), 0, BATCH, cameras=cameras)
            complete(plan, compute, progress=False, executor=Executor(workers=1))

    found = {one.backend for one in models}
    told = f"{len(models)} models, {'+'.join(sorted(found))}, {'bf16' if half else 'fp32'}"
    yield row("engine / fastest bare passes", told, paired(run, bare, 3), 1.10)


def occlusion():
    """Occlusion maps / Captum's at its best setting, of equal values."""
    plain = subject("iram")
    fast, x = fastest(plain), pictures(2)
    target = plain.model(x).argmax(1)
    best = min(maps.PER_PASS, key=lambda count: maps.captum(plain.model, x, target, count)[0])
    options = dict(window=maps.WINDOW, stride=maps.STRIDE, batch_size=BATCH, passes=fast.passes)
    ratios = []
    for _ in range(TURNS):
        started = time.perf_counter()
        own = attribute(plain.model, x, target, "occlusion", **options)
        spent = time.perf_counter() - started
        theirs, wanted = maps.captum(plain.model, x, target, best)
        torch.testing.assert_close(own, wanted, rtol=0, atol=1e-4)
        ratios.append(spent / theirs)
    yield row("occlusion maps / Captum's", f"iram, {fast.backend}", ratios, 0.60)


def deletion():
    """Deletion curves of all methods at once / a loop over pictures and methods, as Quantus's."""
    plain = subject("iram")
    fast, images = fastest(plain), pictures(16)
    target = plain.logits(images).argmax(1)
    made = torch.randn(2, len(images), 48, 48, generator=torch.Generator().manual_seed(0))
    orders = {i: removal_order(one) for i, one in enumerate(made)}
    filled = reference(images, "mean")
    ratios = paired(
        lambda: perturbation_curves(fast.logits, images, orders, target, filled,
                                    shares=curves.SHARES, batch_size=BATCH),
        lambda: curves.loop(plain.logits, images, orders, target, filled), 3)
    yield row("deletion curves / a loop over pictures", f"iram, {fast.backend}", ratios, 0.60)


def shapley():
    """Exact Shapley values of 8 regions / their 256 passes, bare and eager."""
    plain = subject("iram")
    fast, x = fastest(plain), pictures(2)
    target = plain.model(x).argmax(1)
    ratios = paired(
        lambda: shapley_values(plain.model, x, target, "face", batch_size=BATCH,
                               passes=fast.passes),
        lambda: maps.forward(plain.model.to(memory_format=torch.channels_last), x))
    yield row("exact Shapley / its 256 bare eager passes", f"iram, {fast.backend}", ratios, 0.65)


def whole():
    """`make bench`, by default and eager in fp32."""
    command = ["bench", "--data", "heads:n=1000", "--models", "iram-heads,none-heads",
               "--conditions", "default"]

    def run(*options: str) -> None:
        with tempfile.TemporaryDirectory() as out:
            process.iram(*command, *options, "--out", out)

    plain = ("--backend", "eager", "--dtype", "fp32")
    clock = time.perf_counter  # of other processes
    yield row("iram bench as by default / eager fp32", "2 models, heads",
              [seconds(run, clock) / seconds(lambda: run(*plain), clock)], 0.50)


def training():
    """Quicker recipes / the study's."""
    trained.schedule_seconds("none")  # allocates
    turns = [{label: trained.schedule_seconds(label) for label in ("none", *QUICKER)}
             for _ in range(3)]
    for label, goal in QUICKER.items():
        yield row("training, a quicker recipe / the study's", label,
                  [turn[label] / turn["none"] for turn in turns], goal)


def start():
    """From the command to the first forward pass."""
    command = ["bench", "--data", "heads:n=140", "--models", "iram", "--batch-size", "64",
               "--conditions", "box-0.3-noise"]
    times = [process.first_pass(command) for _ in range(3)]
    yield row("start to first forward pass", "iram bench", times, 3.0, "s")


def memory():
    """Peak resident memory of one process each, of few faces and of four times as many."""
    few = ["--data", "heads:n=400", "--split", "all", "--models", "iram-heads", "--workers", "1"]
    sizes = ["--reference", "8", "--curves", "4", "--sanity", "2"]  # of what is fixed by default
    commands = [(name, limit, options) for name, options in (
        ("attribute", sizes), ("bench", ["--conditions", "smoke"]),
        ("shift", ["--conditions", "lower_half-0.3-noise"])) for limit in ("64", "16")]

    def peak(command: tuple) -> float:
        name, limit, options = command
        with tempfile.TemporaryDirectory() as out:
            return process.iram(name, *few, *options, "--limit", limit, "--out", out)[1] / 1e3

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # their time is not measured
        for (name, limit, _), found in zip(commands, pool.map(peak, commands), strict=True):
            yield row("peak memory", f"iram {name}, {limit} faces", [found], 1.5, "GB")


MEASURES = {one.__name__: one for one in (
    passes, convolutions, engine, occlusion, deletion, shapley, whole, training, start, memory)}

if __name__ == "__main__":
    main(*sys.argv[1:])
