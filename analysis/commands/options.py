"""Options that several commands share, and how their values are read."""

import argparse
import json
from pathlib import Path

from analysis.commands import completion
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
    """The faces of --data (or the default) and --split; see `analysis.studies.inputs.faces`."""
    from analysis.studies import inputs

    return inputs.faces(args.data or default, args.split)


def add_models(parser, default: str | None = MODELS, told: str = MODELS) -> None:
    parser.add_argument("--models", default=default, metavar="NAMES",
                        help="shipped names, .safetensors files of ours, and any classifier as "
                        "FILE.py:factory, .onnx or .pt2, described in a .toml beside it (`iram "
                        f"models --check` tries it); default: {told}",
                        ).completer = completion.models


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


def add_reference(parser) -> None:
    parser.add_argument("--reference", metavar="MODEL",
                        help="the one of --models that the others are compared with, by its name "
                        "in the tables or, for all its training seeds, its label; default: the "
                        "net without attention (`none`), if there is one")


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


def add_against(parser) -> None:
    parser.add_argument("--against", metavar="CLASS|second", help="explain the prediction rather "
                        "than this class, by the difference of their logits; second is each "
                        "face's runner-up, which also stands in where CLASS is predicted; "
                        "default: the predicted class alone")


def add_seed(parser, of: str) -> None:
    parser.add_argument("--seed", type=int, default=0, metavar="S", help=f"{of}; default: 0")


def add_batch_size(parser, default: str = "auto") -> None:
    told = "auto measures it once and keeps it in run.json"
    parser.add_argument("--batch-size", default=default, metavar="auto|N",
                        help=told if default == "auto" else f"default: {default}; {told}"
                        )


def add_device(parser, dtype: bool = False) -> None:
    """Where, and if `dtype` is asked for, in what arithmetic models are run."""
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"],
                        help="auto takes a GPU where there is one")
    if dtype:
        parser.add_argument("--dtype", default="auto", choices=["auto", "fp32", "bf16"],
                            help="arithmetic of the models; auto is bf16 where the processor or "
                            "GPU computes it natively, else fp32, and what --out was begun with "
                            "if that is gone on with; default: auto")


def add_backend(parser, known=("eager", "folded", "compile", "onnxruntime")) -> None:
    """Args: known: the backends that the command can have."""
    parser.add_argument("--backend", default="auto", choices=["auto", *known],
                        help="what makes the passes without gradients: the net as written, folded "
                        "(batch norms in the convolutions) or faster; auto is the fastest here of "
                        "a long run, by a short measurement, and what --out was begun with if that "
                        "is gone on with; default: auto")


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
    from analysis.studies import inputs

    return inputs.cameras(dataset, args.placement, args.landmarks)


def device(name: str) -> str:
    """The device to use: auto is the GPU where there is one."""
    from analysis.studies import inputs

    return inputs.device(name)


def common(args) -> dict:
    """The options that `iram bench` and `iram shift` share, as `analysis.studies.calls` takes
    them."""
    names = ("out", "split", "limit", "seed", "placement", "landmarks", "dtype", "device")
    return {"batch_size": batch_size(args.batch_size), **{n: getattr(args, n) for n in names}}


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


def check_use(args, uses: dict[str, tuple[str, ...]]) -> None:
    """Raises InputError for an option that is given without any of those that it is for.

    Args:
        uses: {option: those that it is for}; what was not given is None.
    """
    for option, of in uses.items():
        if getattr(args, option) is not None and all(getattr(args, one) is None for one in of):
            raise InputError(f"--{option} is for {' and '.join(f'--{one}' for one in of)}")


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
    from analysis.studies import inputs

    return inputs.executor(args.executor, args.workers, args.scheduler)


def check_workers(count: int | None) -> None:
    from analysis.studies import inputs

    inputs.whole_number("workers", count, inputs.MOST_WORKERS)
