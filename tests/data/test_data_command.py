import json
import subprocess
import sys
from pathlib import Path

import pytest
from sources import fer_rows, write_csv, write_lists, write_pictures, write_votes

from analysis.commands.main import main


def test_the_command_counts_faces_per_split_and_class(fer_csv, capsys):
    assert main(["data", f"fer2013:{fer_csv}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fer2013: 12 faces of 48 x 48 px"
    table = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert table["Training"] == ["PublicTest", "PrivateTest"]
    assert table["angry"] == ["1", "1", "0"]
    assert table["all"] == ["4", "4", "4"]
    assert "problems: 0 unusable, 0 worth knowing" in lines
    assert any(line.startswith("licence: FER2013") for line in lines)


def test_every_problem_is_listed_with_file_and_line_and_the_rest_is_counted(tmp_path, capsys):
    rows = fer_rows(9)
    rows[0][0] = rows[3][0] = "9"
    rows[7][1] = rows[7][1].rsplit(" ", 1)[0]
    path = write_csv(tmp_path / "x.csv", rows)
    assert main(["data", f"fer2013:{path}"]) == 0
    out = capsys.readouterr().out
    assert "6 faces" in out
    assert "problems: 3 unusable" in out
    for line, message in [(2, "emotion '9'"), (5, "emotion '9'"), (9, "2303 pixels")]:
        assert f"  {path} line {line}: {message}" in out


def test_what_another_command_leaves_out_is_one_plain_line(tmp_path):
    rows = fer_rows(9)
    rows[3][0] = "9"
    path = write_csv(tmp_path / "x.csv", rows)
    command = [sys.executable, "-m", "analysis.commands.main", "train", "--out",
               str(tmp_path / "out")]
    done = subprocess.run([*command, "--data", f"fer2013:{path},skip_bad=1"], text=True,
                          capture_output=True, cwd=Path(__file__).parents[2])
    told, stopped = done.stderr.splitlines()
    assert told == f"iram: left out: {path} line 5: emotion '9' where 0 to 6 is needed"
    assert stopped.startswith("iram: 2 training faces are fewer than one batch of 64")


def test_more_problems_than_an_error_message_shows_are_all_listed(tmp_path, capsys):
    rows = [["9", *row[1:]] for row in fer_rows(20)]
    rows[19][0] = "0"
    assert main(["data", f"fer2013:{write_csv(tmp_path / 'x.csv', rows)}"]) == 0
    assert capsys.readouterr().out.count("emotion '9'") == 19


def test_no_usable_face_is_an_error(tmp_path, capsys):
    path = write_csv(tmp_path / "x.csv", [["9", *row[1:]] for row in fer_rows(3)])
    assert main(["data", f"fer2013:{path}"]) == 2
    assert f"no usable face. {path} line 2: emotion '9'" in capsys.readouterr().err


def test_one_split_is_counted_alone(fer_csv, capsys):
    assert main(["data", f"fer2013:{fer_csv}", "--split", "test"]) == 0
    out = capsys.readouterr().out
    assert "4 faces" in out
    assert "PrivateTest" in out
    assert "Training" not in out


def test_json_holds_the_same(tmp_path, fer_csv, capsys):
    votes = write_votes(tmp_path / "votes.csv", fer_rows())
    lists = write_lists(
        tmp_path / "lists", b"2_fer0000002.png 8 0", b"0/fer0000008.jpg", b"0/fer0000008.jpg"
    )
    spec = f"ferplus:{fer_csv},{votes},ran_lists={lists}"
    assert main(["data", spec, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["name"], report["faces"], report["size"]) == ("ferplus", 12, 48)
    assert report["counts"]["Training"]["neutral"] == 1
    assert report["flags"]["real_occlusion"] == {"none": 11, "upper": 1}
    assert report["flags"]["pose_30"] == {"False": 11, "True": 1}
    assert report["unusable"] == 0
    assert report["problems"] == []


STOPPED = {  # by a mistake, once the faces are open
    **dict.fromkeys(("bench", "attribute", "shift", "study"), ("--models", "nosuch")),
    "leakage": ("--conditions", "roll+15"),
    "example": ("--model", "nosuch"),
    "sheets": ("--only", "nosuch"),
}


@pytest.mark.parametrize("command", STOPPED)
def test_commands_that_take_the_test_tenth_of_a_folder_say_so(command, tmp_path, capsys):
    names = [f"{name}/{i}.png" for name in ("happy", "sad") for i in range(20)]
    spec = f"folder:{write_pictures(tmp_path / 'faces', names)}"
    argv = [command, "--data", spec, *STOPPED[command], "--out", str(tmp_path / "out")]
    assert main(argv) == 2
    told = "of 40 faces: the tenth that training leaves for the test; --split all takes all of them"
    assert capsys.readouterr().err.count(told) == 1
    assert main([*argv, "--split", "all"]) == 2
    assert told not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["fer2013:gone.csv"], "there is no file gone.csv"),
        (["fer2014:x"], "did you mean 'fer2013'"),
        (["{csv}", "--split", "x"], "has no split 'x'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(fer_csv, capsys, argv, message):
    assert main(["data", *(part.replace("{csv}", f"fer2013:{fer_csv}") for part in argv)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_the_command_needs_no_torch(fer_csv):
    code = (
        "import sys; from analysis.commands.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", code, "data", f"fer2013:{fer_csv}"]
    root = Path(__file__).parents[2]
    assert subprocess.run(command, cwd=root, capture_output=True).returncode == 0
