"""What of a net's passes no backend can save: its convolutions, beside products of matrices.

    python tests/benchmarks/bench_convolutions.py [MODEL]

A convolution that runs as fast as a product of matrices is at what the processor computes.
"""

import copy
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from iram import load_model
from iram.dtype import native_bf16
from iram.memory import keep_memory

SIDE, TURNS = 1024, 5
OPERATIONS = 2 * SIDE**3  # of the product


def main(name: str = "iram") -> None:
    keep_memory()
    torch.set_num_threads(1)
    model, x = load_model(name), torch.rand(32, 1, 48, 48)
    for dtype in (torch.float32, *([torch.bfloat16] if native_bf16() else [])):
        convolve, operations = convolutions(model, x, dtype)
        for told, work, count in ((f"convolutions of {name}", convolve, operations),
                                  (f"{SIDE} x {SIDE} times the same", product(dtype), OPERATIONS)):
            work()
            seconds = min(_seconds(work) for _ in range(TURNS))
            print(f"{str(dtype).removeprefix('torch.'):9s}{told:28s}{1e3 * seconds:7.1f} ms, "
                  f"{count / seconds / 1e9:4.0f} GFLOP/s")


@torch.no_grad()
def convolutions(model: nn.Module, x: Tensor, dtype: torch.dtype) -> tuple[Callable, int]:
    """All convolutions of a pass over pictures, one after another on what they were given, weights
    and inputs lying ready in the type; and how many operations they are."""
    calls, operations = [], 0

    def note(conv: nn.Conv2d, given: tuple, made: Tensor) -> None:
        nonlocal operations
        operations += 2 * made.numel() * conv.weight[0].numel()
        own = copy.deepcopy(conv).to(dtype, memory_format=torch.channels_last)
        own._forward_hooks.clear()
        calls.append((own, given[0].to(dtype, memory_format=torch.channels_last)))

    hooks = [one.register_forward_hook(note) for one in model.modules()
             if isinstance(one, nn.Conv2d)]
    model(x)
    for hook in hooks:
        hook.remove()

    @torch.inference_mode()
    def convolve() -> None:
        for conv, given in calls:
            conv(given)

    return convolve, operations


def product(dtype: torch.dtype) -> Callable:
    one = torch.rand(SIDE, SIDE).to(dtype)
    return lambda: one @ one


def _seconds(work: Callable) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
