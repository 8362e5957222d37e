"""How soon the explorer answers: from a change to everything that it asks for, by the compact net.

    python tests/benchmarks/bench_explorer.py [MODEL]

Milliseconds, the median over updates that were never made before (what is kept is not measured),
with the 90th percentile, by the clock and by the processor's time (what the clock would say if
nothing else ran). Goal: under 150 ms an update with attention and Grad-CAM on two cores. Then the
same through a socket to the server, as a page has it, and what each method adds.
"""

import asyncio
import os
import statistics
import sys
import time
from base64 import b64encode
from itertools import count
from pathlib import Path

import numpy as np
import torch

from analysis.explorer.offer import open_offer
from analysis.explorer.request import methods, read_state
from analysis.explorer.server import Server
from analysis.explorer.session import Session
from analysis.explorer.upload import Upload

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from explorer_client import Client

UPDATES, SIZE = 30, 48
GOAL = 150


def main(model: str = "iram-heads") -> None:
    torch.set_num_threads(1)  # as in the server
    offer = open_offer(models=[model])
    session = Session(offer)
    y, x = np.mgrid[:300, :300]
    session.take(Upload("mine", (120 + 60 * np.sin(x / 30) * np.cos(y / 25)).astype(np.uint8)))
    print(f"{model}, 1 thread of {torch.get_num_threads()}, ms an update: clock (p90), processor")
    clocks, processors = [], []
    for name, change in CHANGES.items():
        found = [timed(session, change(k) | {"model": model}) for k in range(UPDATES + 2)][2:]
        clocks.append(statistics.median(clock for clock, _ in found))
        processors.append(statistics.median(processor for _, processor in found))
        print(f"  {name:38s}{told([c for c, _ in found])}  {told([p for _, p in found])}")
    load = os.getloadavg()[0] / os.cpu_count()
    print(f"  slowest median: {verdict(max(clocks))} by the clock (load {load:.1f} a core), "
          f"{verdict(max(processors))} by the processor")
    server = Server(offer).start()
    for name in ("a rectangle dragged", "a head turned and covered"):
        found = asyncio.run(through_a_socket(server, CHANGES[name], model))
        print(f"  {name + ', by socket':38s}{told(found)}")
    server.stop()
    print("each method alone, a new picture each time")
    for method in methods():
        covered = (CHANGES["a rectangle dragged"](100 + k) for k in range(5))
        found = [timed(session, one | {"model": model, "methods": [method]}) for one in covered]
        print(f"  {method:38s}{told([c for c, _ in found])}  {told([p for _, p in found])}")


def state(condition: dict, **options) -> dict:
    return {"source": "heads", "face": 2, "condition": condition, "methods": ["gradcam"]} | options


def rectangle(k: int) -> dict:
    """A rectangle at a place where none was before."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    top, left = divmod(k, 24)
    mask[10 + top : 22 + top, left : left + 20] = 1
    drawn = b64encode(mask.tobytes()).decode()
    return state({"occluder": "drawn", "fill": "noise"}, drawn=drawn)


def named(k: int, **turn) -> dict:
    return {"occluder": "eyes", "fraction": 0.2 + k / 200, "fill": "noise"} | turn


CHANGES = {
    "a rectangle dragged": rectangle,
    "a region grown": lambda k: state(named(k)),
    "sunglasses carried": lambda k: state(
        {"occluder": "sunglasses", "fill": "object"}, moved=[k % 20, k // 20]
    ),
    "a head turned": lambda k: state({"yaw_deg": k - 15.5}),
    "a head turned and covered": lambda k: state(named(0, yaw_deg=k - 15.25)),
    "a photograph turned and covered": lambda k: state(
        named(0, yaw_deg=k - 15.25), source="upload", face=0
    ),
    "compared as well, turned and covered": lambda k: state(
        named(0, pitch_deg=(k - 15.25) / 2), compared=True
    ),
}


def timed(session: Session, asked: dict) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor until all is answered."""
    clock, processor = time.perf_counter(), time.process_time()
    for _ in session.look(read_state(asked)):
        pass
    return 1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - processor)


async def through_a_socket(server: Server, change, model: str) -> list[float]:
    client, found, numbers = await Client.open(server), [], count()
    for k in range(UPDATES):
        started = time.perf_counter()
        await client.ask(type="state", id=next(numbers), **change(k) | {"model": model})
        await client.told("done")
        found.append(1000 * (time.perf_counter() - started))
    return found[2:]


def verdict(median: float) -> str:
    return f"{median:.0f}, goal {GOAL} {'met' if median < GOAL else 'NOT met'}"


def told(values) -> str:
    ninth = statistics.quantiles(values, n=10)[8] if len(values) > 5 else max(values)
    return f"{statistics.median(values):7.1f} ({ninth:6.1f})"


if __name__ == "__main__":
    main(*sys.argv[1:])
