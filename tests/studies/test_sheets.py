"""Contact sheets."""

import pytest
from PIL import Image

from analysis.commands.main import main
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.sheets import COLUMNS, _title

pytestmark = pytest.mark.exhaustive


def test_sheets_of_heads(tmp_path, capsys):
    assert main(["sheets", "--data", "heads:n=200,size=24", "--out", str(tmp_path)]) == 0
    written = {path.stem for path in tmp_path.iterdir()}
    assert written == {"poses", *COLUMNS, "expressions", "scene_objects"}
    with Image.open(tmp_path / "poses.png") as sheet:
        assert sheet.height > sheet.width > 500


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("hand", None, "mean"), "hand\nmean gray"),
        (Condition("hand", None, "object"), "hand\nnatural"),
        (Condition("brows_eyes", 0.3, "mean"), "brows and\neyes\n30%"),
        (Condition(corruption="jpeg", severity=3), "JPEG\nlevel 3"),
    ],
)
def test_conditions_are_told_in_the_words_of_the_figures(condition, expected):
    assert _title(condition) == expected


def test_a_sheet_of_photographs_says_that_their_own_pose_is_unknown(fer_csv, tmp_path, capsys):
    command = ["sheets", "--data", f"fer2013:{fer_csv}", "--out", str(tmp_path / "out")]
    assert main([*command, "--only", "poses"]) == 0
    assert "whatever their own pose" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["poses.png"]


def test_a_sheet_that_does_not_exist_is_told(tmp_path, capsys):
    command = [
        "sheets",
        "--data",
        "heads:n=20,size=24",
        "--out",
        str(tmp_path),
        "--only",
        "regoins",
    ]
    assert main([*command, "--only", "regoins"]) == 2
    assert "did you mean 'regions'" in capsys.readouterr().err
