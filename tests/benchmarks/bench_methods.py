"""What a map costs in forward passes of its face: each method against the bare pass, in turns.

    python tests/benchmarks/bench_methods.py [MODELS [METHODS [DATA]]]

Times are the processor's own, of one thread, so that other work does not count: minimum, median and
maximum of the ratios of the turns. The goal of layer-wise relevance propagation is at most 4.
"""

import statistics
import sys
import time

import torch

from analysis import attribute
from analysis.attributions.layers import activation
from iram import load_model, open_dataset

FACES, TURNS = 16, 5
METHODS = ("lrp_epsilon", "lrp_gamma", "lrp_composite", "fullgrad", "eigen_cam", "ablation_cam",
           "gradcam", "deeplift")
GOAL = 4.0  # of those that begin with lrp_


def main(models: str = "iram,none,cbam", methods: str = ",".join(METHODS),
         data: str = "heads:n=64") -> None:
    torch.set_num_threads(1)
    x = open_dataset(data, split="all").images(slice(0, FACES))
    print(f"{FACES} faces at once, {TURNS} turns; forward passes a face, min / median / max")
    for name in models.split(","):
        model = load_model(name)
        for method in methods.split(","):
            found = ratios(model, x, method)
            met = "" if not method.startswith("lrp_") else (
                "  met" if statistics.median(found) <= GOAL else "  MISSED")
            print(f"{model.name:14s} {method:16s} {min(found):7.2f} {statistics.median(found):7.2f}"
                  f" {max(found):7.2f}{met}", flush=True)


def ratios(model, x, method: str) -> list[float]:
    target = torch.zeros(len(x), dtype=torch.long)
    activation(model, x)  # the layer is found once a model
    attribute(model, x[:1], 0, method)
    bare(model, x)
    found = []
    for turn in range(TURNS):
        times = {}
        for which in (("map", "pass") if turn % 2 else ("pass", "map")):
            started = time.process_time()
            if which == "map":
                attribute(model, x, target, method)
            else:
                for _ in range(4):
                    bare(model, x)
            times[which] = time.process_time() - started
        found.append(4 * times["map"] / times["pass"])
    return found


@torch.no_grad()
def bare(model, x) -> None:
    model(x)


if __name__ == "__main__":
    main(*sys.argv[1:])
