"""The arithmetic that nets are run in: fp32, or bf16 (autocast) where the machine computes it.

A processor without bfloat16 emulates it, several times slower than fp32; hence `auto`.
"""

import platform
import sys
import time
from functools import lru_cache
from pathlib import Path

import torch

from iram.errors import InputError
from iram.model import build_model
from iram.registry import unknown

DTYPES = ("auto", "fp32", "bf16")
PRECISION = {"fp32": "fp32", "bf16": "bf16 autocast"}  # how a training's card says it
NATIVE = ("amx_bf16", "avx512_bf16", "sve_bf16", "bf16")  # of torch's flags, fastest first


def native_bf16(device: str = "cpu") -> str | None:
    """What computes bf16 on this device, as "avx512_bf16"; None where it is emulated."""
    if torch.device(device).type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.cuda.get_device_name(device) if native else None
    if hasattr(torch.cpu, "get_capabilities"):  # since torch 2.10
        flags = torch.cpu.get_capabilities()
    else:
        flags = {"avx512_bf16": torch.cpu._is_avx512_bf16_supported()}
    return next((name for name in NATIVE if flags.get(name)), None)


def processor() -> dict[str, str]:
    """What this machine's CPU is and what torch uses of it: `processor`, `capability` (AVX512),
    `flags`, `bf16` ("avx512_bf16", or "emulated")."""
    flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    told = sorted(str(name) for name, has in flags.items() if has is True)
    return {"processor": _model_name(), "capability": torch.backends.cpu.get_cpu_capability(),
            "flags": " ".join(told), "bf16": native_bf16() or "emulated"}


def _model_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((one.partition(":")[2].strip() for one in lines if one.startswith("model name")),
                platform.processor())


def choose_dtype(
    asked: str = "auto", device: str = "cpu", begun: str | None = None, why: str = "asked for"
) -> str:
    """The dtype, fp32 or bf16; which one and why is told in one line, once a process.

    Args:
        asked: one of DTYPES. "auto" is bf16 where the device computes it natively, else fp32.
        why: it is asked for, if not by its name.
        begun: what a run that is gone on with was begun in: auto keeps it, on any processor.

    Raises:
        InputError: no such dtype.
    """
    if asked not in DTYPES:
        raise InputError(unknown("dtype", asked, DTYPES))
    native = native_bf16(device)
    if asked != "auto":
        chosen = asked
    elif begun:
        chosen, why = begun, "as the run was begun"
    else:
        chosen, why = _best(native, device)
    if emulated := chosen == "bf16" and not native:
        why += (f"; {_called(device)} emulates it, which takes {slowdown(device):.1f} times as "
                "long as fp32 (measured on a training step)")
    _say(f"dtype: {chosen} ({why})", sys.stderr if emulated else sys.stdout)
    return chosen


def dtype_of(precision: str | None) -> str | None:
    """The dtype that a card or a checkpoint tells of; None if it is none of ours."""
    return next((dtype for dtype, told in PRECISION.items() if told == precision), None)


def _best(native: str | None, device: str) -> tuple[str, str]:
    if native:
        return "bf16", f"{_called(device)} computes it natively: {native}"
    return "fp32", f"{_called(device)} would emulate bf16"


def _called(device: str) -> str:
    return "this GPU" if torch.device(device).type == "cuda" else "this processor"


@lru_cache
@torch.random.fork_rng()  # nobody's random numbers depend on whether it was measured
def slowdown(device: str = "cpu") -> float:
    """Time of a training step of the compact net here, bf16 over fp32: below 1 bf16 is faster."""
    net = build_model(attention="none", dropout=0.0).to(device)
    x = torch.full((16, 1, 48, 48), 0.5, device=device)

    def seconds(bf16: bool) -> float:
        started = time.perf_counter()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            logits = net(x)
        logits.sum().backward()
        logits.sum().item()  # of a GPU: it waits
        return time.perf_counter() - started

    times = {bf16: min(seconds(bf16) for _ in range(2)) for bf16 in (False, True)}
    return times[True] / times[False]


@lru_cache
def _say(line: str, stream) -> None:
    print(line, file=stream, flush=True)
