"""The residual net as an ONNX file and as an exported program, each with its description.

    python examples/export.py runs      # needs onnx and onnxscript

Both take any number of pictures at once (`dynamic_shapes`); a file exported for one batch size is
asked in batches of that size.
"""

import shutil
import sys
from pathlib import Path

import torch
from residual import build
from safetensors.torch import load_file

HERE = Path(__file__).parent


def main(folder: str = ".") -> None:
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    net = build().eval()
    net.load_state_dict(load_file(HERE / "residual.safetensors"))
    pictures = (torch.zeros(2, 3, 112, 112),)
    any_number = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(net, pictures, dynamic_shapes=any_number)
    torch.export.save(program, out / "exported.pt2")
    torch.onnx.export(program, (), out / "residual.onnx", external_data=False, verbose=False)
    for name in ("residual", "exported"):
        shutil.copy(HERE / "residual.toml", out / f"{name}.toml")


if __name__ == "__main__":
    main(*sys.argv[1:])
