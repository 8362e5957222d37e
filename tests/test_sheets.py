"""Contact sheets."""

from PIL import Image

from analysis.cli import main


def test_sheets_of_heads(tmp_path, capsys):
    assert main(["sheets", "--data", "heads:n=80,size=24", "--out", str(tmp_path)]) == 0
    written = {path.stem for path in tmp_path.iterdir()}
    assert written == {"poses", "expressions", "objects"}
    with Image.open(tmp_path / "poses.png") as sheet:
        assert sheet.height > sheet.width > 500


def test_a_sheet_of_photographs_says_that_their_own_pose_is_unknown(fer_csv, tmp_path, capsys):
    assert main(["sheets", "--data", f"fer2013:{fer_csv}", "--out", str(tmp_path / "out")]) == 0
    assert "whatever their own pose" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["poses.png"]
