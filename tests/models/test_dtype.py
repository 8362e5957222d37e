"""`--dtype auto`: bf16 where the machine computes it, and where it does not, fp32."""

import json

import pytest
import torch
from toy import toy_faces
from trainings import killed_after, run, same_weights

from analysis.engine import store
from analysis.studies import inputs
from iram import dtype
from iram.dtype import choose_dtype
from iram.training.grids import product
from iram.training.train_grid import train_grid
from iram.weights import read_card

FLAGS = dtype.native_bf16  # as it is; a fixture of all tests replaces it
AVX2, AVX512 = {"avx2": True, "avx512_bf16": False}, {"avx2": True, "avx512_bf16": True}


@pytest.fixture
def processor(monkeypatch):
    """Makes torch see a processor with these flags."""

    def seen(flags: dict) -> None:
        monkeypatch.setattr(dtype, "native_bf16", FLAGS)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)

    monkeypatch.setattr(dtype, "slowdown", lambda device: 7.26)
    dtype._say.cache_clear()
    return seen


def test_auto_is_bf16_where_the_processor_computes_it_and_says_by_what(processor, capsys):
    processor(AVX512)
    assert choose_dtype() == "bf16"
    line = "dtype: bf16 (this processor computes it natively: avx512_bf16)\n"
    assert capsys.readouterr().out == line


def test_auto_is_fp32_where_bf16_would_be_emulated(processor, capsys):
    processor(AVX2)
    assert choose_dtype() == "fp32"
    assert capsys.readouterr().out == "dtype: fp32 (this processor would emulate bf16)\n"


def test_an_arm_processor_is_known_by_its_own_flag(processor):
    processor({"neon": True, "bf16": True})
    assert choose_dtype() == "bf16"


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_is_asked_itself_and_emulation_does_not_count(monkeypatch, processor, native):
    processor(AVX2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported",
                        lambda including_emulation=True: native or including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert choose_dtype(device="cuda") == ("bf16" if native else "fp32")


def test_emulated_bf16_is_had_by_name_with_a_warning_that_tells_the_factor(processor, capsys):
    processor(AVX2)
    assert choose_dtype("bf16") == "bf16"
    assert "emulates it, which takes 7.3 times as long as fp32" in capsys.readouterr().err
    processor(AVX512)
    assert choose_dtype("bf16") == "bf16"
    assert "emulates" not in capsys.readouterr().err


def test_a_run_goes_on_as_it_was_begun_on_any_processor(processor):
    processor(AVX512)
    assert choose_dtype("auto", begun="fp32") == "fp32"
    processor(AVX2)
    assert choose_dtype("auto", begun="bf16") == "bf16"
    assert choose_dtype("fp32", begun="bf16") == "fp32", "what is asked for by name is had"


def test_the_line_is_told_once_a_process(processor, capsys):
    processor(AVX2)
    choose_dtype(), choose_dtype()
    assert capsys.readouterr().out.count("dtype:") == 1


def test_the_slowdown_is_measured_without_touching_anybodys_random_numbers():
    before = torch.random.get_rng_state()
    assert dtype.slowdown() > 0
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_training_begun_in_fp32_ends_in_fp32_on_a_processor_with_bf16(
    processor, tmp_path, monkeypatch
):
    processor(AVX2)
    killed_after(monkeypatch, 1, tmp_path / "one")
    processor(AVX512)
    resumed = run(tmp_path / "one")
    assert resumed.precision == "fp32"
    assert same_weights(resumed.model, run(tmp_path / "other", dtype="fp32").model)


def test_a_finished_cell_is_that_of_any_processor_and_its_card_says_which(
    processor, tmp_path, capsys
):
    cells = product(["none"], [0], "", {"width": 0.25}, {"epochs": 1, "batch_size": 8})
    processor(AVX2)
    train_grid(cells, toy_faces(), tmp_path, device="cpu", progress=False)
    assert read_card(tmp_path / "none-seed0.safetensors")["precision"] == "fp32"
    processor(AVX512)
    train_grid(cells, toy_faces(), tmp_path, device="cpu", progress=False)
    assert "none-seed0: finished before" in capsys.readouterr().out


@pytest.mark.parametrize(("flags", "begun"), [(AVX2, "bf16"), (AVX512, "fp32")])
def test_a_measuring_run_goes_on_with_the_dtype_in_its_run_json(processor, tmp_path, flags, begun):
    processor(flags)
    assert inputs.dtype("auto", "cpu", tmp_path) != begun
    store.write_run(tmp_path, {"identity": {"dtype": begun}})
    assert json.loads((tmp_path / "run.json").read_text())["identity"]["dtype"] == begun
    assert inputs.dtype("auto", "cpu", tmp_path) == begun
