"""What code can change for the whole process, and how it is put back."""

import contextlib
import multiprocessing
import os
import random
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageFile

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
    "torch's gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's precision of products": (
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "torch's deterministic functions": (
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
}
"""{what it is: (how it is read, how it is set)}."""


def settings() -> dict:
    return {name: read() for name, (read, _) in SETTINGS.items()}


def put_back(before: dict) -> list[str]:
    """Sets what is otherwise than before; returns what it was."""
    changed = [name for name, value in settings().items() if value != before[name]]
    for name in changed:
        SETTINGS[name][1](before[name])
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
