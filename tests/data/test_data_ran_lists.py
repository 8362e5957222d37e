from pathlib import Path

import numpy as np
import pytest
from sources import fer_rows, write_lists, write_pictures, write_votes

from analysis.commands.main import main
from analysis.studies.occlusion.real.faces import VOTES
from iram.data import open_dataset
from iram.data.ran_lists import FERPLUS, RAFDB
from iram.errors import InputError


@pytest.fixture
def voted(tmp_path, fer_csv):
    votes = write_votes(tmp_path / "votes.csv", fer_rows())
    lists = write_lists(
        tmp_path / "lists",
        b"2_fer0000002.png 8 0\r\n5_fer0000005.png 8 3\r\n",
        b"5/fer0000005.jpg\n0/fer0000008.jpg\n",
        b"0/fer0000008.jpg\n",
    )
    return f"fer2013:{fer_csv},votes={votes},ran_lists={lists}"


def test_lists_flag_their_faces_and_a_face_may_have_two_flags(voted):
    metadata = open_dataset(voted).metadata
    kinds = metadata["real_occlusion"]
    assert kinds[[2, 5]].tolist() == ["upper", "glasses"]
    assert (kinds == "none").sum() == 10
    assert np.flatnonzero(metadata["pose_30"]).tolist() == [5, 8]
    assert np.flatnonzero(metadata["pose_45"]).tolist() == [8]
    assert metadata["ferplus_name"][3] == "fer0000003.png"


def test_votes_leave_the_labels_of_fer2013(voted):
    assert open_dataset(voted).labels.tolist() == [i % 7 for i in range(12)]


def test_lists_need_votes_for_the_names(fer_csv, tmp_path):
    with pytest.raises(InputError, match="add votes="):
        open_dataset(f"fer2013:{fer_csv},ran_lists={tmp_path}")


def test_votes_cannot_be_joined_to_folders(tmp_path):
    root = write_pictures(tmp_path / "kaggle", ["train/sad/Training_1.png"])
    with pytest.raises(InputError, match="row by row"):
        open_dataset(f"fer2013:{root},votes=x.csv")


@pytest.mark.parametrize(
    ("line", "message"),
    [(b"fer0000002.png 8 0\n", "line 1: 'fer0000002.png 8 0' is not of the form LABEL_IMAGE.png"),
     (b"\n2_fer0000002.png 8 7\n", "line 2: .* with a type of 0, 1, 2, 3"),
     (b"", "is empty")],
)
def test_a_line_of_another_form_is_named(fer_csv, tmp_path, line, message):
    votes = write_votes(tmp_path / "votes.csv", fer_rows())
    lists = write_lists(tmp_path / "lists", line, b"0/fer0000000.jpg", b"0/fer0000000.jpg")
    with pytest.raises(InputError, match=f"jianfei_occlusion_list.txt {message}"):
        open_dataset(f"fer2013:{fer_csv}", votes=votes, ran_lists=lists)


def test_the_real_lists_have_their_faces(iram_data):
    dataset = open_dataset(
        f"fer2013:{iram_data}/fer2013/fer2013.csv.xz",
        votes=iram_data / "fer2013" / "fer2013new.csv",
        ran_lists=iram_data / "ran_lists",
    )
    test = dataset.split("PrivateTest").metadata
    occluded = test["real_occlusion"] != "none"
    assert (occluded.sum(), test["pose_30"].sum(), test["pose_45"].sum()) == (605, 1170, 633)
    assert (occluded & test["pose_30"]).sum() == 205
    told = [problem.message for problem in dataset.problems]
    assert sum("16 of 1,570" in message for message in told) == 1
    assert sum("constant" in message for message in told) == len(told) - 1 == 1


def test_a_face_that_a_list_has_twice_is_told_and_its_first_line_counts(fer_csv, tmp_path):
    votes = write_votes(tmp_path / "votes.csv", fer_rows())
    twice = b"2_fer0000002.png 8 0\n2_fer0000002.png 8 3\n0_fer0000000.png 8 1\n"
    lists = write_lists(tmp_path / "lists", twice, b"0/fer0000000.jpg", b"0/fer0000000.jpg")
    dataset = open_dataset(f"fer2013:{fer_csv}", votes=votes, ran_lists=lists)
    assert dataset.metadata["real_occlusion"][2] == "upper"
    (problem,) = dataset.problems
    assert problem.file.endswith("jianfei_occlusion_list.txt")
    assert "1 of 2 listed faces stands more than once" in problem.message
    assert "fer0000002 in lines 1 and 2 (upper, glasses)" in problem.message


def test_a_listed_name_that_two_faces_share_flags_both_and_is_told(fer_csv, tmp_path):
    votes = write_votes(tmp_path / "votes.csv", fer_rows())
    votes.write_text(votes.read_text().replace("fer0000008.png", "fer0000000.png"))
    line = b"0/fer0000000.jpg"
    lists = write_lists(tmp_path / "lists", b"2_fer0000002.png 8 0", line, line)
    dataset = open_dataset(f"fer2013:{fer_csv}", votes=votes, ran_lists=lists)
    assert np.flatnonzero(dataset.metadata["pose_30"]).tolist() == [0, 8]
    messages = [problem.message for problem in dataset.problems]
    assert any("1 of 2 listed names stand for several faces here" in m for m in messages)


def test_every_list_is_named_in_the_documents_and_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    told = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text("utf-8")
    for text in (told, capsys.readouterr().out):
        for lists in (FERPLUS, RAFDB):
            for file in (lists.occlusion, lists.pose_30, lists.pose_45, VOTES):
                assert file in text
