"""What a clone without Git LFS holds in place of files is told for what it is."""

import json
import shutil

import pytest

from analysis.subjects import open_subjects
from analysis.subjects.convert import convert
from iram import InputError, load_model, open_dataset
from iram.architecture import FER2013_CLASSES
from iram.data.images import read_image
from iram.files import POINTER, unfetched
from iram.weights import PRETRAINED, pretrained

TEXT = POINTER + b".github.com/spec/v1\noid sha256:4d7a214614ab29\nsize 12345\n"
FETCH = "it is a pointer of Git LFS: `git lfs pull` fetches the file itself"


@pytest.fixture
def pointer(tmp_path):
    def written(name):
        (tmp_path / name).write_bytes(TEXT)
        return tmp_path / name

    return written


@pytest.mark.parametrize(("name", "read"), [
    ("face.png", read_image),
    ("faces.csv", lambda path: open_dataset(f"fer2013:{path}")),
    ("net.onnx", lambda path: open_subjects(str(path), FER2013_CLASSES)),
    ("net.pt2", lambda path: open_subjects(str(path), FER2013_CLASSES)),
    ("net.pth", lambda path: convert(path, path.with_suffix(".safetensors"))),
])
def test_a_reader_says_how_to_fetch_the_file(pointer, name, read):
    with pytest.raises(InputError, match=f"{name}.*{FETCH}"):
        read(pointer(name))


def test_weights_beside_their_card_say_so(pointer, tmp_path):
    name = min(pretrained())
    shutil.copy(PRETRAINED / f"{name}.json", tmp_path)
    with pytest.raises(InputError, match=FETCH):
        load_model(pointer(f"{name}.safetensors"))


def test_other_files_say_nothing(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps({}))
    assert unfetched(tmp_path / "card.json") == unfetched(tmp_path / "none") == unfetched(b"") == ""
