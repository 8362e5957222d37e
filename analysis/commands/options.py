"""Options that several commands share, and how their values are read."""

import json
from pathlib import Path

from iram.errors import InputError


def add_device(parser, dtype: str) -> None:
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"],
                        help="auto takes a GPU where there is one")  # fmt: skip
    parser.add_argument("--dtype", default=dtype, choices=["fp32", "bf16"],
                        help=f"arithmetic of the model; default: {dtype}")  # fmt: skip


def add_models(parser, default: str) -> None:
    parser.add_argument("--models", default=default, metavar="NAMES",
                        help="shipped names, .safetensors files of ours, and any classifier as "
                        "FILE.py:factory, .onnx or .pt2, described in a .toml beside it (`iram "
                        f"models --check` tries it); default: {default}")  # fmt: skip


def add_landmarks(parser) -> None:
    parser.add_argument("--landmarks", type=Path, metavar="FILE",
                        help="landmarks (.npz) of these faces, from `iram landmarks`")  # fmt: skip


def add_placement(parser) -> None:
    add_landmarks(parser)
    parser.add_argument("--placement", default="landmarks", choices=["landmarks", "mean"],
                        help="of occluders: by each face's landmarks where they are known (of "
                        "FER2013's test faces they ship), or as on the mean face")  # fmt: skip


def device(name: str) -> str:
    """The device to use: auto is the GPU where there is one."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: there is no GPU that torch can use here; try cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def pairs(text: str, option: str) -> dict:
    """{"lr": 0.1, "fusion": "multiply"} from "lr=0.1,fusion=multiply"."""
    chosen = {}
    for item in filter(None, text.split(",")):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key:
            raise InputError(f"{option}: '{item}' is not of the form name=value")
        if key in chosen:
            raise InputError(f"{option}: '{key}' is given twice")
        try:
            chosen[key] = json.loads(value)
        except ValueError:
            chosen[key] = value
    return chosen


def whole_numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option}: '{text}' is not a list of whole numbers such as 0,1") from None


def batch_size(text: str) -> int | None:
    """The number given, None for "auto"."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65536:
        raise InputError(f"--batch-size {text}: write auto or a whole number from 1 to 65536")
    return int(text)


def workers(count: int) -> int:
    """The number given, if it is one of processes."""
    if not 1 <= count <= 256:
        raise InputError(f"--workers {count}: write a whole number from 1 to 256")
    return count
