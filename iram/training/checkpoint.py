"""Checkpoints of an unfinished training, as safetensors: nothing is ever pickled."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from iram.errors import InputError
from iram.files import atomic_path


def save_checkpoint(path: str | Path, groups: dict[str, dict[str, torch.Tensor]], state: dict):
    """Writes groups of tensors ("model", "momentum", ...) and a JSON-able state, atomically."""
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, named in groups.items()
        for name, tensor in named.items()
    }
    # As bytes first: the library's own writer hides a full disk behind an error of its own.
    data = save(tensors, metadata={"state": json.dumps(state)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def load_checkpoint(
    path: str | Path, keys: Iterable[str] = ()
) -> tuple[dict[str, dict[str, torch.Tensor]], dict]:
    """The groups and the state, with at least these keys, as they were saved.

    Raises:
        InputError: the file is damaged or not a checkpoint.
    """
    groups: dict[str, dict[str, torch.Tensor]] = {}
    try:
        with safe_open(path, "pt") as file:
            state = json.loads(file.metadata()["state"])
            if not isinstance(state, dict) or not set(keys) <= set(state):
                raise ValueError("its state is of something else")
            for key in file.keys():  # noqa: SIM118 - not a dict
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a whole checkpoint ({error}); remove it to start this model anew"
        ) from error
    return groups, state
