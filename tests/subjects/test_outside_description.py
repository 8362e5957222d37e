"""The description of a model from outside: what is read, and every mistake in it."""

import pytest

from analysis.subjects.attention import AttentionLayers
from analysis.subjects.description import read_description
from iram.errors import InputError

CLASSES = 'classes = ["anger", "joy", "sadness", "neutral", "other"]'
WHOLE = f"""
input_size = 112
colour = "rgb"
mean = [0.485, 0.456, 0.406]
std = 0.25
{CLASSES}
output = "probabilities"
seed = 3

[mapping]
other = "contempt"

[attention]
layers = ["a.gate", "b"]
read = "tokens"
prefix_tokens = 5
"""


def described(folder, text, **options):
    (folder / "net.toml").write_text(text)
    return read_description(folder / "net.py", "net-build", **options)


def test_every_field_is_read_and_a_mapping_renames_classes_for_the_data(tmp_path):
    found = described(tmp_path, WHOLE)
    assert (found.input_size, found.colour, found.channels) == (112, "rgb", 3)
    assert found.mean == (0.485, 0.456, 0.406)
    assert found.std == (0.25,)
    assert (found.output, found.seed, found.name) == ("probabilities", 3, "net-build")
    assert found.attention == AttentionLayers(("a.gate", "b"), "tokens", 5)
    assert found.classes == ("anger", "joy", "sadness", "neutral", "other")
    assert found.data_classes == ("anger", "joy", "sadness", "neutral", "contempt")


def test_what_is_left_out_has_defaults(tmp_path):
    found = described(tmp_path, f'input_size = 40\ncolour = "gray"\n{CLASSES}')
    assert (found.mean, found.std, found.output) == ((0.0,), (1.0,), "logits")
    assert (found.weights, found.attention, found.seed) == (None, None, 0)


def test_what_is_missing_is_named_with_what_it_is(tmp_path):
    with pytest.raises(InputError, match=r"net.py has no description; write .*net.toml with"):
        read_description(tmp_path / "net.py", "net")
    with pytest.raises(InputError) as error:
        described(tmp_path, "mean = 0")
    for field in ("net.toml lacks", "input_size (pixels", 'colour ("rgb"', "classes (the names"):
        assert field in str(error.value)


def test_what_the_file_itself_tells_need_not_be_written_but_may_not_differ(tmp_path):
    told = {"input_size": 64, "colour": "gray"}
    assert described(tmp_path, CLASSES, told=told).input_size == 64
    with pytest.raises(InputError, match=r"input_size is 48, but net.py itself takes 64"):
        described(tmp_path, f"input_size = 48\n{CLASSES}", told=told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("input_sise = 48", "unknown field 'input_sise' .did you mean 'input_size'"),
        ('color = "rgb"', "did you mean 'colour'"),
        ("input_size = 7", "input_size = 7: write a whole number from 8 to 1024"),
        ("input_size = 48.0", "a whole number"),
        ("input_size = true", "a whole number"),
        ('colour = "grey"', "colour = 'grey': unknown value 'grey' .did you mean 'gray'"),
        ("mean = [0.1, 0.2]", "mean has 2 numbers; a rgb model takes 1 or 3"),
        ("std = 0", "std = 0: write numbers above 0"),
        ("mean = nan", "write numbers"),
        ('mean = "0.5"', "write numbers"),
        ('classes = ["happy"]', "a list of 2 names or more"),
        ('classes = ["happy", "sad", "happy"]', "happy stands there twice"),
        ("classes = [1, 2]", "write a text"),
        ('output = "logit"', "did you mean 'logits'"),
        ('name = "a/b"', "letters, digits"),
        ("seed = -1", "whole number from 0"),
        ('mapping = {joyy = "happy"}', "unknown class 'joyy' .did you mean 'joy'"),
        ("attention = {read = 'gate'}", "layers, the names of its modules"),
        ("attention = {layers = ['a'], reed = 'gate'}", "did you mean 'read'"),
        ("attention = {layers = ['a'], read = 'token'}", "did you mean 'tokens'"),
        ("attention = {layers = []}", "a list of 1 names or more"),
        ("[unfinished", "is no TOML file"),
        ('colour = "RGB"', "unknown value 'RGB' .did you mean 'rgb'"),
        ('colour = "bgr"', r"write \"rgb\", and let .* turns the channels over .x\.flip\(1\)"),
        ('output = "softmax"', 'outputs of a softmax are "probabilities"'),
        ("mean = [123.675, 116.28, 103.53]", "in 0 to 255.* divide by 255, which gives 0.485, 0.4"),
        ("std = 255", "divide by 255, which gives 1"),
        ('name = ".."', "no '-' or '.' first"),
        ("version https://git-lfs.github.com/spec/v1", "is no TOML file: .*pointer of Git LFS"),
        (f"input_size = {'9' * 5000}", "is no TOML file: Exceeds the limit"),
    ],
)
def test_a_mistake_is_told_with_the_file_the_value_and_what_would_be_right(tmp_path, line, told):
    field = line.split(" =")[0]
    usual = ['input_size = 48', 'colour = "rgb"', CLASSES]
    kept = [one for one in usual if not one.startswith(f"{field} ")]
    with pytest.raises(InputError, match=told) as error:
        described(tmp_path, "\n".join([line, *kept]))
    assert "net.toml" in str(error.value)


def test_a_table_of_a_factorys_name_is_for_it_alone(tmp_path):
    text = f'input_size = 48\ncolour = "gray"\n{CLASSES}\n[small]\ninput_size = 40\n[big]\nseed = 1'
    options = {"factories": ("small", "big")}
    assert described(tmp_path, text, factory="small", **options).input_size == 40
    big = described(tmp_path, text, factory="big", **options)
    assert (big.input_size, big.seed) == (48, 1)
    with pytest.raises(InputError, match="unknown table 'big'"):
        described(tmp_path, text, factory="small", factories=("small",))
    with pytest.raises(InputError, match=r"unknown field 'sead' .did you mean 'seed'"):
        described(tmp_path, text.replace("seed", "sead"), factory="big", **options)


def test_a_name_tells_the_seed_and_may_not_contradict_it(tmp_path):
    """Else two trainings of one net would both have seed 0, and not be taken together."""
    text = f'input_size = 48\ncolour = "gray"\n{CLASSES}\nname = "mine-seed3"\n'
    assert described(tmp_path, text).seed == described(tmp_path, text + "seed = 3").seed == 3
    with pytest.raises(InputError, match=r"seed = 4, but the name mine-seed3 tells 3"):
        described(tmp_path, text + "seed = 4")


@pytest.mark.parametrize("table", ["mapping", "attention"])
def test_a_field_that_has_fallen_into_a_table_is_told(tmp_path, table):
    text = f'input_size = 48\ncolour = "gray"\n[{table}]\n{CLASSES}\nweights = "w.safetensors"'
    with pytest.raises(InputError, match=rf"classes, weights stands below \[{table}\]"):
        described(tmp_path, text)


def test_a_table_of_no_name_is_told_with_the_tables_that_there_are(tmp_path):
    text = f'[bulid]\ninput_size = 48\ncolour = "gray"\n{CLASSES}'
    with pytest.raises(InputError, match=r"unknown table 'bulid' .did you mean 'build'.*, mapping"):
        described(tmp_path, text, factory="build", factories=("build",))


@pytest.mark.parametrize("name", ["net.toml.txt", "net.py.toml", "net.TOML"])
def test_a_description_under_nearly_the_right_name_is_told(tmp_path, name):
    (tmp_path / name).write_text(CLASSES)
    with pytest.raises(InputError, match=rf"has no description.*or rename {name} beside it to net"):
        read_description(tmp_path / "net.py", "net")


@pytest.mark.parametrize("second", ["Anger", "rage"])
def test_two_classes_of_one_meaning_are_told_with_the_file(tmp_path, second):
    text = (f'input_size = 48\ncolour = "gray"\nclasses = ["angry", "{second}", "sad"]\n'
            + '[mapping]\nrage = "Anger"\n' * (second == "rage"))
    with pytest.raises(InputError, match=r"net\.toml: the classes angry and Anger mean the same"):
        described(tmp_path, text)
