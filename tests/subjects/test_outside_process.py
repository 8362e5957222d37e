"""What a user's file changes for the whole process is put back, and told of its passes."""

import os
import random
import sys
import warnings

import matplotlib
import numpy as np
import outside
import pytest
import torch

from analysis.subjects.check import check
from analysis.subjects.loading import load_outside
from analysis.subjects.process import settings


def test_what_a_file_changes_for_the_whole_process_is_put_back(tmp_path):
    state = (os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled(), list(sys.argv),
             list(warnings.filters), random.getstate(), list(sys.path), sys.stdout)
    drawn = np.random.get_state()[1].copy()  # noqa: NPY002
    code = ("\nimport os, sys, random, warnings\nimport numpy as np\nos.chdir('/')\n"
            "torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n"
            "sys.argv.append('x')\nwarnings.filterwarnings('ignore')\nrandom.seed(5)\n"
            "np.random.seed(5)\nsys.path.insert(0, '/nowhere')\nsys.stdout = None\n")
    load_outside(outside.write_net(tmp_path, more=code))
    assert state == (os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled(),
                     list(sys.argv), list(warnings.filters), random.getstate(), list(sys.path),
                     sys.stdout)
    assert np.array_equal(np.random.get_state()[1], drawn)  # noqa: NPY002


SET = """
import multiprocessing
import numpy as np
from PIL import Image, ImageFile
sys.setrecursionlimit(500)
multiprocessing.set_start_method("spawn")
np.seterr(all="raise")
ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = True, None
torch.set_float32_matmul_precision("medium")
torch.use_deterministic_algorithms(True)
"""


def test_settings_of_python_numpy_pillow_and_torch_are_put_back_too(tmp_path):
    before = settings()
    spec = outside.write_net(tmp_path, more="\nimport sys" + SET)
    assert load_outside(spec)[1] == load_outside(spec)[1]
    assert settings() == before


@pytest.mark.parametrize(("line", "what"), [
    ("import os; os.chdir('/')", "the working folder"),
    ("torch.set_default_dtype(torch.float64)", "torch's default type"),
    ("torch.set_num_threads(torch.get_num_threads() + 1)", "torch's number of threads"),
])
def test_a_pass_that_changes_the_process_is_refused_and_that_put_back(tmp_path, line, what):
    before = settings()
    spec = outside.write_net(tmp_path, result=f"(exec({line!r}, globals()), {outside.RESULT})[1]")
    assert [f.told for f in check(spec) if not f.good] == [
        f"a pass changes {what} for the whole process; it must put that back"]
    assert settings() == before


def mask() -> int:
    kept = os.umask(0o022)
    os.umask(kept)
    return kept


LEFT = {
    "torch.autocast('cpu', torch.bfloat16).__enter__()": lambda: (
        torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype),
    "torch.set_autocast_enabled('cpu', True)": lambda: torch.is_autocast_enabled("cpu"),
    "torch.autocast('cpu', enabled=False).__enter__()": lambda: (
        torch.autocast_increment_nesting(), torch.autocast_decrement_nesting()),
    "globals()['mode'] = torch.inference_mode(); mode.__enter__()": lambda: (
        torch.ones(1).is_inference()),
    "torch.autograd.set_detect_anomaly(True)": torch.is_anomaly_enabled,
    "torch.set_flush_denormal(True)": lambda: sys.float_info.min / 2 > 0,
    "torch.backends.mkldnn.enabled = False": lambda: torch.backends.mkldnn.enabled,
    "torch.backends.cudnn.benchmark = True": lambda: torch.backends.cudnn.benchmark,
    "import os; os.umask(0o777)": mask,
    "import matplotlib; matplotlib.rcParams['font.size'] = 40": lambda: (
        matplotlib.rcParams["font.size"]),
}
"""{what a file does: how it is seen}."""


@pytest.mark.parametrize("line", LEFT)
@pytest.mark.parametrize("place", ["\n{}\n", "\n\ndef build():\n    {}\n    return Net()\n"],
                         ids=["on import", "in the factory"])
def test_what_a_file_leaves_on_does_not_reach_the_models_after_it(tmp_path, line, place):
    before = LEFT[line]()
    load_outside(outside.write_net(tmp_path, more=place.format(line)))
    assert LEFT[line]() == before


PRECISION = "torch.backends.mkldnn.matmul.fp32_precision"


@pytest.mark.skipif(not hasattr(torch.backends.mkldnn, "matmul"), reason="an older torch")
def test_a_precision_that_is_set_in_torchs_newer_way_is_put_back_too(tmp_path):
    load_outside(outside.write_net(tmp_path, more=f"\n{PRECISION} = 'bf16'\n"))
    assert torch.backends.mkldnn.matmul.fp32_precision != "bf16"
    assert torch.get_float32_matmul_precision() == "highest"
