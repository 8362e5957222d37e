"""Weights: half precision, a card with a hash, and one clear line for whatever is broken."""

import errno
import hashlib
import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from iram import InputError, build_model, load_model
from iram.training.checkpoint import load_checkpoint, save_checkpoint
from iram.weights import as_shipped, find_weights, pretrained, save_model

ROOT = Path(__file__).parents[2]
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_model(num_classes=2, width=0.25, input_size=16, reuse="layer")


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "toy-seed3.safetensors"
    save_model(model, path, {"seed": 3})
    return path


def recard(path, **changes):
    """The card with these values, and the hash of whatever the weights file now holds."""
    card = json.loads(path.with_suffix(".json").read_text())
    card |= {"weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest()} | changes
    path.with_suffix(".json").write_text(json.dumps(card))


def test_a_model_comes_back_with_its_weights_in_half_precision(model, path):
    loaded = load_model(path)
    assert loaded.architecture == model.architecture
    assert (loaded.name, loaded.seed) == ("toy-seed3", 3)
    assert loaded.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not loaded.training
    for name, tensor in model.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == tensor.dtype
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(found, expected), name
    assert {t.dtype for t in load_file(path).values()} == {torch.float16, torch.int64}


def test_a_model_as_shipped_is_the_model_that_loading_gives(model, path):
    model = model.train().to(memory_format=torch.channels_last)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    shipped, loaded = as_shipped(model), load_model(path)
    x = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(shipped(x), loaded(x))
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_card_says_what_the_file_is(model, path):
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["name"] == "toy-seed3"
    assert card["architecture"]["switches"] == {"reuse": "layer"}
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    again = save_model(model, path.with_name("again.safetensors"), {"seed": 3})
    assert again["weights_sha256"] == card["weights_sha256"], "equal weights have equal hashes"


def test_one_changed_bit_is_noticed(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged.*SHA-256"):
        load_model(path)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
@pytest.mark.parametrize("hash_fits", [False, True])
def test_a_truncated_file_is_an_input_error(path, keep, hash_fits):
    path.write_bytes(path.read_bytes()[:keep])
    if hash_fits:
        recard(path)
    message = "not a whole safetensors file" if hash_fits else "damaged"
    with pytest.raises(InputError, match=message) as error:
        load_model(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no card toy-seed3.json beside it"),
        ("", "not a model card in JSON"),
        ("{", "not a model card in JSON"),
        (b"\xff\xfe\x00", "not a model card in JSON"),
        ("[" * 100_000, "not a model card in JSON"),
        ("{}", "lacks architecture, seed, weights_sha256"),
        ('{"seed": 1, "architecture": {}}', "lacks weights_sha256"),
        ('["architecture", "seed", "weights_sha256"]', "not a model card"),
        ("3", "not a model card"),
        ("null", "not a model card"),
    ],
)
def test_a_broken_card_is_an_input_error(path, text, message):
    card = path.with_suffix(".json")
    if text is None:
        card.unlink()
    else:
        card.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message) as error:
        load_model(path)
    assert card.name in str(error.value)


def test_a_header_of_a_hundred_thousand_tensors_is_told_in_a_line_that_can_be_read(path):
    head = {f"t{i}": {"dtype": "F16", "shape": [1], "data_offsets": [2 * i, 2 * i + 2]}
            for i in range(100_000)}
    head = json.dumps(head).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"\0" * 200_000)
    card = path.with_suffix(".json")
    told = json.loads(card.read_text())
    told["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    card.write_text(json.dumps(told))
    with pytest.raises(InputError, match="does not fit the architecture in its card") as error:
        load_model(path)
    assert len(str(error.value)) < 1000 + len(str(path))


def test_a_card_that_is_a_folder_is_an_input_error(path):
    path.with_suffix(".json").unlink()
    path.with_suffix(".json").mkdir()
    with pytest.raises(InputError, match=r"cannot read .*toy-seed3.json"):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [{"width": 0.5}, {"attention": "se", "switches": {}}, {"backbone": "mobilenetv2"},
     {"classes": ["a", "b", "c"]}, {"dropout": 9}, {"width": "wide"}, {"nosuch": 1},
     {"switches": {"nosuch": 1}}, {"attention": "nosuch"}, {"classes": 3}, {"backbone": []}],
)
def test_weights_of_another_architecture_than_the_cards_name_the_file(path, change):
    card = json.loads(path.with_suffix(".json").read_text())
    recard(path, architecture=card["architecture"] | change)
    with pytest.raises(InputError, match="does not fit the architecture") as error:
        load_model(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("architecture", [None, [], "compact", {}])
def test_an_architecture_that_is_none_is_an_input_error(path, architecture):
    recard(path, architecture=architecture)
    with pytest.raises(InputError, match="does not fit the architecture"):
        load_model(path)


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_never_loaded_whatever_its_name(path, tmp_path, zipped):
    trap = tmp_path / "pickle-was-run"
    if zipped:
        torch.save({"weight": Malicious(str(trap))}, path)
    else:
        path.write_bytes(pickle.dumps(Malicious(str(trap))))
    recard(path)
    for read in (load_model, load_checkpoint):
        with pytest.raises(InputError, match="not a whole"):
            read(path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Malicious(str(trap))))
    assert trap.exists(), "the trap works"


def test_an_unknown_name_lists_the_known_and_the_nearest(path, monkeypatch):
    monkeypatch.setattr("iram.weights.PRETRAINED", path.parent)
    with pytest.raises(InputError, match=r"'toi-seed3'.*mean 'toy-seed3'.*\.safetensors"):
        load_model("toi-seed3")
    with pytest.raises(InputError, match=r"unknown model '../toy-seed3'"):
        load_model("../toy-seed3")


def test_where_nothing_is_shipped_a_name_is_still_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr("iram.weights.PRETRAINED", tmp_path / "nothing")
    assert pretrained() == {}
    with pytest.raises(InputError, match=r"unknown model 'iram'; known: or a file: \.safetensors"):
        load_model("iram")


def test_a_name_without_a_seed_means_seed_0(model, tmp_path, monkeypatch):
    monkeypatch.setattr("iram.weights.PRETRAINED", tmp_path)
    for seed in (0, 1):
        save_model(model, tmp_path / f"iram-seed{seed}.safetensors", {"seed": seed})
    assert load_model("iram").seed == 0
    assert load_model("iram-seed1").seed == 1
    assert list(pretrained()) == ["iram-seed0", "iram-seed1"]


def test_a_folder_of_the_same_name_does_not_hide_a_shipped_model(path, tmp_path, monkeypatch):
    monkeypatch.setattr("iram.weights.PRETRAINED", path.parent)
    monkeypatch.chdir(tmp_path)
    Path("toy-seed3").mkdir()
    assert find_weights("toy-seed3") == path


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nosuch.safetensors: no such weights file"):
        load_model(tmp_path / "nosuch.safetensors")


@pytest.mark.parametrize("name", sorted(pretrained()))
def test_every_shipped_model_loads_and_its_card_is_complete(name):
    model, card = load_model(name), pretrained()[name]
    assert model.name == name == card["name"]
    assert {"recipe", "data", "accuracy", "selected_epoch", "commit"} <= set(card)


def test_all_weights_that_are_kept_stay_a_small_download():
    kept = [file for folder in ("iram", "results", "examples")
            for file in (ROOT / folder).rglob("*.safetensors")]
    assert 0 < sum(file.stat().st_size for file in kept) <= 48e6


def test_a_weight_beyond_half_precision_is_not_saved_as_infinity(model, tmp_path):
    model.classifier.weight.data[0, 0] = 1e6
    with pytest.raises(OverflowError, match=r"classifier\.weight reaches 1e\+06"):
        save_model(model, tmp_path / "x.safetensors", {"seed": 0})
    assert list(tmp_path.iterdir()) == []


def save_another(model, path):
    model.classifier.bias.data.fill_(1)
    save_model(model, path, {"seed": 4})


def test_a_full_disk_leaves_no_half_written_file_and_the_earlier_one_untouched(
    model, path, monkeypatch
):
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    def full(self, data):
        with open(self, "wb") as file:
            file.write(data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=f"cannot write {path}: No space left on device"):
        save_another(model, path)
    with pytest.raises(InputError, match="No space left on device"):
        save_checkpoint(path, {"model": model.state_dict()}, {})
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before
    assert load_model(path).seed == 3


OUT_OF_ROOM = """
import resource, sys
import torch
from iram import InputError, build_model
from iram.training.checkpoint import save_checkpoint
from iram.weights import save_model
model = build_model(num_classes=2, width=0.25)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for save in (lambda: save_model(model, sys.argv[1], {"seed": 4}),
             lambda: save_checkpoint(sys.argv[1], {"model": model.state_dict()}, {})):
    try:
        save()
    except InputError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of the file size are Unix's")
def test_a_file_that_really_cannot_grow_leaves_the_earlier_one_untouched(path):
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    assert len(before[path.name]) > 20_000
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_ROOM, str(path)], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"cannot write {path}: File too large") for line in lines)
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_a_folder_that_may_not_be_written_is_an_input_error(model, tmp_path, monkeypatch):
    if IS_ROOT:  # who may write everywhere

        def refuse(*arguments, **options):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr("tempfile.mkstemp", refuse)
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r"cannot write .*Permission denied"):
        save_model(model, tmp_path / "x.safetensors", {"seed": 0})


def test_a_folder_that_is_a_file_is_an_input_error(model, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"cannot write .*file/x\.safetensors"):
        save_model(model, tmp_path / "file" / "x.safetensors", {"seed": 0})


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    groups = {"model": {"a/b.weight": torch.rand(3, 2).T}, "best": {"x": torch.tensor(3)}}
    save_checkpoint(tmp_path / "c", groups, {"epoch": 2, "log": [{"loss": 0.1}]})
    found, state = load_checkpoint(tmp_path / "c", ["epoch"])
    assert state == {"epoch": 2, "log": [{"loss": 0.1}]}
    assert torch.equal(found["model"]["a/b.weight"], groups["model"]["a/b.weight"])
    assert found["best"]["x"] == 3
    with pytest.raises(InputError, match="not a whole checkpoint"):
        load_checkpoint(tmp_path / "c", ["epoch", "seed"])


def test_weights_are_no_checkpoint(path, tmp_path):
    save_file({"x": torch.ones(1)}, tmp_path / "y", metadata={"state": "{}"})
    for file in (path, tmp_path / "y", tmp_path / "nosuch"):
        with pytest.raises(InputError, match="not a whole checkpoint"):
            load_checkpoint(file)
