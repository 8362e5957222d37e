"""What code can change for the whole process, and how it is put back."""

import contextlib
import multiprocessing
import os
import random
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from operator import attrgetter

import numpy as np
import torch
from PIL import Image, ImageFile

FLAGS = (  # of torch.backends; a precision of all is read before those that follow it
    "fp32_precision", "mkldnn.fp32_precision", "mkldnn.conv.fp32_precision",
    "mkldnn.matmul.fp32_precision", "mkldnn.rnn.fp32_precision", "cudnn.conv.fp32_precision",
    "cudnn.rnn.fp32_precision", "cuda.matmul.fp32_precision", "mkldnn.enabled",
    "mkldnn.deterministic", "cudnn.enabled", "cudnn.benchmark", "cudnn.deterministic",
    "quantized.engine",
)
ENTERED = []  # modes that a thread is put back into: torch leaves one that is forgotten


def _flag(name: str):
    """None where this torch has no such flag."""
    try:
        return attrgetter(name)(torch.backends)
    except AttributeError:
        return None


def _set_flag(name: str, kept) -> None:
    place, _, key = f"backends.{name}".rpartition(".")
    setattr(attrgetter(place)(torch), key, kept)


def _products() -> str | None:
    """None where it is set in both of torch's ways, the older and the newer, and can't be told."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


def _autocast() -> tuple:
    """How many are entered, whether rounded weights are kept, and of each kind of device whether
    it is on, and to what it rounds."""
    torch.autocast_increment_nesting()
    return (torch.autocast_decrement_nesting(), torch.is_autocast_cache_enabled(), *(
        (kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))
        for kind in ("cpu", "cuda")))


def _set_autocast(kept: tuple) -> None:
    depth, cache, *kinds = kept
    now = _autocast()[0]
    step = torch.autocast_decrement_nesting if now > depth else torch.autocast_increment_nesting
    for _ in range(abs(now - depth)):
        step()
    torch.clear_autocast_cache()
    torch.set_autocast_cache_enabled(cache)
    for kind, on, dtype in kinds:
        torch.set_autocast_enabled(kind, on)
        torch.set_autocast_dtype(kind, dtype)


def _set_inference(kept: bool) -> None:
    ENTERED.append(mode := torch.inference_mode(kept))
    mode.__enter__()


def _umask() -> int:
    kept = os.umask(0o077)  # it can't be read without being set
    os.umask(kept)
    return kept


def _figures() -> dict:
    """Of matplotlib, what is not as its own file says; nothing where it is not loaded."""
    if (loaded := sys.modules.get("matplotlib")) is None:
        return {}
    usual = loaded.rcParamsOrig
    return {name: value for name, value in dict.items(loaded.rcParams)
            if name != "backend" and value != dict.get(usual, name)}


def _set_figures(kept: dict) -> None:
    loaded = sys.modules["matplotlib"]
    usual = {name: dict.get(loaded.rcParamsOrig, name) for name in _figures()}
    dict.update(loaded.rcParams, usual | kept)


# Not here, since it can't be read or can't be set again: torch's number of threads between
# functions, the backend of matplotlib (to read it loads it), and functions that were replaced.
# The environment is left as it is: what the file imports may read it later.
SETTINGS = {
    "the working folder": (os.getcwd, os.chdir),
    "how deep calls may go": (sys.getrecursionlimit, sys.setrecursionlimit),
    "how processes start": (
        lambda: multiprocessing.get_start_method(allow_none=True),
        lambda kept: multiprocessing.set_start_method(kept, force=True)),
    "numpy's errors": (np.geterr, lambda kept: np.seterr(**kept)),
    "Pillow's care for damaged pictures": (
        lambda: ImageFile.LOAD_TRUNCATED_IMAGES,
        lambda kept: setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", kept)),
    "Pillow's limit of size": (
        lambda: Image.MAX_IMAGE_PIXELS, lambda kept: setattr(Image, "MAX_IMAGE_PIXELS", kept)),
    "torch's default type": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's default device": (torch.get_default_device, torch.set_default_device),
    "torch's inference mode": (torch.is_inference_mode_enabled, _set_inference),
    "torch's gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's precision of products": (
        _products, lambda kept: kept and torch.set_float32_matmul_precision(kept)),
    "torch's deterministic functions": (
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    "torch's autocast": (_autocast, _set_autocast),
    "torch's search for anomalies": (
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda kept: torch.autograd.set_detect_anomaly(*kept)),
    "torch's care for the smallest numbers": (
        lambda: sys.float_info.min / 2 == 0, torch.set_flush_denormal),
    "the rights of new files": (_umask, os.umask),
    "matplotlib's settings": (_figures, _set_figures),
    **{f"torch.backends.{name}": (partial(_flag, name), partial(_set_flag, name))
       for name in FLAGS},
}
"""{what it is: (how it is read, how it is set)}; set in this order, since some set others."""


def settings() -> dict:
    return {name: read() for name, (read, _) in SETTINGS.items()}


def put_back(before: dict) -> list[str]:
    """Sets what is otherwise than before; returns what it was."""
    changed = []
    for name, (read, put) in SETTINGS.items():
        if read() != before[name]:
            put(before[name])
            changed.append(name)
    return changed


@contextlib.contextmanager
def process_kept() -> Iterator[None]:
    """Puts back SETTINGS, arguments, streams, warnings and random numbers. Nothing is to be read:
    `input()` ends at once. Processes start as if none had been started."""
    argv, streams, before = sys.argv, (sys.stdin, sys.stdout, sys.stderr), settings()
    chance, drawn = random.getstate(), np.random.get_state()  # noqa: NPY002
    multiprocessing.set_start_method(None, force=True)
    with open(os.devnull) as nothing, warnings.catch_warnings():
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.argv, (sys.stdin, sys.stdout, sys.stderr) = argv, streams
            random.setstate(chance)
            np.random.set_state(drawn)  # noqa: NPY002
            put_back(before)
