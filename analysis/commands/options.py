"""Options that several commands share, and how their values are read."""

import argparse
import json
import sys
from pathlib import Path

from iram.errors import InputError

MODELS = "iram,none,cbam"


def add_data(parser, required: bool = True, help: str = "fer2013:PATH, heads, ...",
             split: bool = True) -> None:
    parser.add_argument("--data", required=required, metavar="SPEC", help=help)
    if split:
        add_split(parser)


def add_split(parser) -> None:
    parser.add_argument("--split", default="test", metavar="NAME",
                        help="train, validation, test, or as the data set itself calls one (`iram "
                        "data` lists them). Of a folder of class folders alone, test is the tenth "
                        "that training leaves, and all is every face; default: test")


def faces(args, default: str | None = None):
    """The faces of --data (or the default) and --split.

    Says on stderr where they are the test tenth of a folder that has no splits of its own.
    """
    from iram.data import open_dataset

    dataset = open_dataset(args.data or default, split=args.split)
    if dataset.undivided and args.split == "test":
        print(f"{dataset.name}: {len(dataset):,} of {dataset.undivided:,} faces: the tenth that "
              "training leaves for the test; --split all takes all of them",
              file=sys.stderr)
    return dataset


def add_models(parser, default: str | None = MODELS, told: str = MODELS) -> None:
    parser.add_argument("--models", default=default, metavar="NAMES",
                        help="shipped names, .safetensors files of ours, and any classifier as "
                        "FILE.py:factory, .onnx or .pt2, described in a .toml beside it (`iram "
                        f"models --check` tries it); default: {told}")


def add_conditions(parser, told: str = "presets, occluders, patterns; default: default") -> None:
    parser.add_argument("--conditions", default="default", metavar="NAMES", help=told)


def add_ran_lists(parser) -> None:
    parser.add_argument("--ran-lists", type=Path, metavar="DIR",
                        help="lists of really occluded and turned faces (Region Attention "
                        "Networks): report these beside the painted ones. DIR holds "
                        "jianfei_occlusion_list.txt, pose_30_ferplus_list.txt and "
                        "pose_45_ferplus_list.txt (of RAF-DB rafdb_occlusion_list.txt, "
                        "val_raf_db_list.txt and val_raf_db_list_45.txt); beside FER2013's CSV "
                        "lies FERPlus's fer2013new.csv")


def add_run_folder(parser, name: str, help: str) -> None:
    """--out, of what can be gone on with; by default runs/NAME."""
    parser.add_argument("--out", type=folder, default=Path("runs", name), metavar="DIR",
                        help=f"{help}; what is in it is gone on with: what was computed for other "
                        "models and conditions stays, tables and figures are of those that this "
                        "command names; also a URL such as s3://BUCKET/RUN; "
                        f"default: runs/{name}"
                        )


def folder(text: str):
    """A local folder, or one of any store that fsspec knows."""
    from iram.files import located

    try:
        return located(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_limit(parser) -> None:
    parser.add_argument("--limit", type=int, metavar="N", help="only N random faces")


def add_layer(parser) -> None:
    parser.add_argument("--layer", metavar="NAME", help="the module that class activation maps "
                        "read; default: the last with places that all depends on")


def add_seed(parser, of: str) -> None:
    parser.add_argument("--seed", type=int, default=0, metavar="S", help=f"{of}; default: 0")


def add_batch_size(parser, default: str = "auto") -> None:
    told = "auto measures it once and keeps it in run.json"
    parser.add_argument("--batch-size", default=default, metavar="auto|N",
                        help=told if default == "auto" else f"default: {default}; {told}"
                        )


def add_device(parser, dtype: str | None = None) -> None:
    """Where, and unless `dtype` is None, in what arithmetic models are run."""
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"],
                        help="auto takes a GPU where there is one")
    if dtype:
        parser.add_argument("--dtype", default=dtype, choices=["fp32", "bf16"],
                            help=f"arithmetic of the model; default: {dtype}")


def add_landmarks(parser) -> None:
    parser.add_argument("--landmarks", type=Path, metavar="FILE",
                        help="landmarks (.npz) of these faces, from `iram landmarks`")


def add_placement(parser) -> None:
    add_landmarks(parser)
    parser.add_argument("--placement", default="landmarks", choices=["landmarks", "mean"],
                        help="of occluders: by each face's landmarks where they are known (of "
                        "FER2013's test faces they ship), or as on the mean face")


def add_executor(parser) -> None:
    parser.add_argument("--executor", default="threads", choices=["threads", "processes", "dask"],
                        help="who computes: threads or processes of this machine, or a Dask "
                        "cluster; the results are the same bytes")
    parser.add_argument("--workers", type=int, metavar="N",
                        help="each on a core of its own; default: one a core")
    parser.add_argument("--scheduler", metavar="ADDRESS",
                        help="of the Dask cluster, such as tcp://127.0.0.1:8786")


def cameras(args, dataset):
    """(N, 2, 4) where each face stands, by --landmarks and --placement; None: as the mean face."""
    from analysis.stimuli.placed import placed

    if args.placement == "landmarks":
        return placed(dataset, args.landmarks)
    check_landmarks(args)
    return None


def check_landmarks(args) -> None:
    """Raises InputError if the file of --landmarks is none, for where nothing else will read it."""
    if args.landmarks is not None:
        from analysis.stimuli.landmarks import read_landmarks

        read_landmarks(args.landmarks)


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


def executor(args):
    """The `analysis.engine.parallel.Executor` asked for."""
    from analysis.engine.parallel import Executor

    check_workers(args.workers)
    return Executor(args.executor, args.workers, args.scheduler)


def check_workers(count: int | None) -> None:
    if count is not None and not 1 <= count <= 4096:
        raise InputError(f"--workers {count}: write a whole number from 1 to 4096")
