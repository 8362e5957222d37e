import numpy as np
import pytest
from PIL import Image
from sources import changed, faces, fer_rows, write_csv, write_lists, write_votes

from iram.data import open_dataset
from iram.data.classes import canonical
from iram.data.specs import load
from iram.data.votes import EXPRESSIONS, majority, most_voted
from iram.errors import InputError

#        neutral happy surprise sad anger disgust fear contempt unknown NF
CASES = [
    ([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0),
    ([0, 0, 0, 0, 0, 0, 0, 10, 0, 0], 7, 7),
    ([4, 0, 0, 4, 2, 0, 0, 0, 0, 0], 0, -1),  # a tie: the first; over half for none
    ([0, 0, 3, 4, 0, 0, 0, 0, 3, 0], 3, -1),  # 4 of 10 are the most and not over half
    ([0, 0, 0, 5, 1, 1, 1, 1, 1, 0], 3, 3),  # single votes don't count: 5 of 5
    ([0, 0, 0, 4, 0, 0, 0, 0, 6, 0], -1, -1),  # unknown has more
    ([0, 0, 0, 4, 0, 0, 0, 0, 4, 0], 3, -1),  # unknown has as many
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], -1, -1),  # no face
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], -1, -1),  # no vote
]


@pytest.mark.parametrize(("counts", "most", "over_half"), CASES)
def test_votes_become_a_label_by_the_stated_rules(counts, most, over_half):
    assert most_voted(np.array([counts])).tolist() == [most]
    assert majority(np.array([counts])).tolist() == [over_half]


@pytest.fixture
def spec(fer_csv, tmp_path):
    """Twelve faces; row 4 is no face, row 5 a tie of sad and fear."""
    counts = [[7 if j == i % 8 else 0 for j in range(8)] + [3, 0] for i in range(12)]
    counts[4] = [0] * 9 + [10]
    counts[5] = [0, 0, 0, 4, 0, 0, 4, 2, 0, 0]
    write_votes(tmp_path / "votes.csv", fer_rows(), counts)
    return f"ferplus:{fer_csv},{tmp_path / 'votes.csv'}"


def test_faces_keep_their_own_labels_when_one_is_left_out(spec):
    dataset = open_dataset(spec)
    assert dataset.metadata["row"].tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]
    assert dataset.labels.tolist() == [0, 1, 2, 3, 3, 6, 7, 0, 1, 2, 3]
    assert np.array_equal(dataset.images_uint8(slice(None)), np.delete(faces(12), 4, axis=0))
    assert dataset.metadata["ferplus_name"][4] == "fer0000005.png"


def test_what_is_left_out_is_counted_and_does_not_stop_the_opening(spec):
    (problem,) = open_dataset(spec).problems
    assert not problem.unusable
    assert "1 of 12 faces have no label by the rule 'most'" in problem.message
    assert "PublicTest 1" in problem.message


def test_the_majority_rule_leaves_out_ties_too(spec):
    assert open_dataset(spec, rule="majority").metadata["row"].tolist() == [
        0, 1, 2, 3, 6, 7, 8, 9, 10, 11,
    ]


def test_the_distribution_is_the_share_of_the_expressions_votes(spec):
    dataset = open_dataset(spec)
    assert dataset.distribution.shape == (11, 8)
    assert np.allclose(dataset.distribution.sum(axis=1), 1)
    assert np.allclose(dataset.distribution[4], [0, 0, 0, 0.4, 0, 0, 0.4, 0.2])
    assert np.allclose(dataset.split("test").distribution[1], dataset.distribution[4])


def test_class_names_are_the_usual_ones_in_the_order_of_ferplus(spec):
    assert open_dataset(spec).classes == tuple(canonical(name) for name in EXPRESSIONS)


def test_lists_agree_or_say_so_once(fer_csv, tmp_path):
    votes = write_votes(tmp_path / "votes.csv", fer_rows())
    lists = write_lists(
        tmp_path / "lists",
        b"2_fer0000002.png 8 1\n0_fer0000005.png 8 2\n",
        b"3/fer0000005.jpg\n0/fer0009999.jpg\n",
        b"3/fer0000005.jpg\n",
    )
    dataset = open_dataset(f"ferplus:{fer_csv},{votes},ran_lists={lists}")
    assert dataset.metadata["real_occlusion"][[2, 5]].tolist() == ["lower", "side"]
    assert dataset.labels[5] == 5
    messages = [problem.message for problem in dataset.problems]
    assert len(messages) == 2
    assert "1 of 3 listed faces are not among the faces here, such as fer0009999" in messages[0]
    assert "fer0000005: sad there, disgust here" in messages[1]


def test_lists_find_their_faces_after_a_row_that_is_left_out(spec, tmp_path):
    lines = b"6_fer0000006.png 8 3\n"
    lists = write_lists(tmp_path / "lists", lines, b"7/fer0000007.jpg", b"7/fer0000007.jpg")
    dataset = open_dataset(spec, ran_lists=lists)
    flagged = dataset.metadata.query("real_occlusion == 'glasses'")
    assert flagged["row"].tolist() == [6]
    assert len(dataset.problems) == 1  # the row left out; the labels agree


def test_fewer_votes_than_faces_are_refused(fer_csv, tmp_path):
    votes = write_votes(tmp_path / "votes.csv", fer_rows(11))
    with pytest.raises(InputError, match=f"{votes} has 11 rows of votes and {fer_csv} has 12"):
        open_dataset(f"ferplus:{fer_csv},{votes}")


def test_votes_in_another_order_are_refused_with_the_first_line_that_differs(spec, tmp_path):
    changed(tmp_path / "votes.csv", 7, 0, "Training")
    with pytest.raises(
        InputError, match=r"votes.csv line 7: Usage 'Training' where row 6 .* has P"
    ):
        open_dataset(spec)


def test_votes_still_join_when_a_face_is_unusable(spec, fer_csv):
    changed(fer_csv, 3, 0, "9")  # row 1
    with pytest.warns(UserWarning, match="line 3"):
        dataset = open_dataset(spec, skip_bad=True)
    assert dataset.metadata["row"].tolist() == [0, 2, 3, 5, 6, 7, 8, 9, 10, 11]
    assert dataset.labels.tolist() == [0, 2, 3, 3, 6, 7, 0, 1, 2, 3]


@pytest.mark.parametrize(("count", "shifted", "told"), [(140, 0, 0), (140, 1, 1), (14, 1, 0)])
def test_votes_that_seem_to_be_of_other_faces_are_told(tmp_path, count, shifted, told):
    rows = fer_rows(count)
    for row in rows:
        row[2] = "Training"
    own = [EXPRESSIONS.index(word) for word in (
        "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")]
    counts = [[10 * (k == own[(i + shifted) % 7]) for k in range(10)] for i in range(count)]
    votes = write_votes(tmp_path / "votes.csv", rows, counts)
    csv = write_csv(tmp_path / "fer.csv", rows)
    for spec in (f"ferplus:{csv},{votes}", f"fer2013:{csv},votes={votes}"):
        found = [p for p in load(spec).problems if "in the same order?" in p.message]
        assert [p.assumed for p in found] == [True] * told


def test_votes_separated_by_semicolons_are_read(spec, tmp_path):
    known = open_dataset(spec).labels
    votes = tmp_path / "votes.csv"
    votes.write_text(votes.read_text().replace(",", ";"))
    assert open_dataset(spec).labels.equal(known)


def test_votes_are_read_as_pandas_writes_them_and_splits_by_any_usual_name(spec, tmp_path):
    known = open_dataset(spec).labels
    path = tmp_path / "votes.csv"
    header, *lines = path.read_text().splitlines()
    for own, other in (("Training", "train"), ("PublicTest", "Public Test")):
        lines = [line.replace(own, other) for line in lines]
    rows = [line.split(",") for line in lines]
    lines = [",".join([*row[:2], *(f"{vote}.0" for vote in row[2:])]) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n")
    assert open_dataset(spec).labels.equal(known)
    assert open_dataset(spec.replace(",", ", ")).labels.equal(known)


def test_the_two_files_in_the_wrong_order_are_told_so(fer_csv, tmp_path, spec):
    with pytest.raises(InputError, match=r"FER2013's own CSV, which comes first: ferplus:CSV,V"):
        open_dataset(f"ferplus:{tmp_path}/votes.csv,{fer_csv}")
    (tmp_path / "votes.csv").write_text("<!DOCTYPE html>\n<html>\n")
    with pytest.raises(InputError, match=r"it has: <!DOCTYPE html>; it is a web page"):
        open_dataset(spec)


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "", "99999"])
def test_a_count_that_is_no_number_of_votes_is_named(spec, tmp_path, value):
    changed(tmp_path / "votes.csv", 4, 3, value)
    with pytest.raises(InputError, match=f"votes.csv line 4: happiness '{value}' is no number"):
        open_dataset(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("emotion,pixels,Usage\n", "line 1 lacks the column image name, neutral"),
        ("Usage,Image name," + ",".join(EXPRESSIONS) + ",unknown,NF\n", "has a header and no rows"),
        ("Usage,Image name," + ",".join(EXPRESSIONS) + ",unknown,NF\na,b\n", "line 2: 2 fields"),
    ],
)
def test_what_is_no_file_of_votes_is_refused(fer_csv, tmp_path, text, message):
    (tmp_path / "votes.csv").write_text(text)
    with pytest.raises(InputError, match=f"votes.csv {message}"):
        open_dataset(f"ferplus:{fer_csv},{tmp_path}/votes.csv")


def test_one_file_is_too_few(fer_csv):
    with pytest.raises(InputError, match="write ferplus:CSV,VOTES"):
        open_dataset(f"ferplus:{fer_csv}")


def test_a_missing_file_of_votes_is_named(fer_csv, tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*/gone.csv"):
        open_dataset(f"ferplus:{fer_csv},{tmp_path}/gone.csv")


def test_paths_may_hold_commas(fer_csv, tmp_path):
    folder = tmp_path / "a,b"
    folder.mkdir()
    votes = write_votes(folder / "votes,new.csv", fer_rows())
    assert len(open_dataset(f"ferplus:{fer_csv.rename(folder / 'fer,x.csv')},{votes}")) == 12


def test_an_unknown_rule_lists_the_known_ones(spec):
    with pytest.raises(InputError, match=r"unknown rule 'majorty' \(did you mean 'majority'"):
        open_dataset(f"{spec},rule=majorty")


@pytest.mark.parametrize(
    ("rule", "private", "occluded"), [("most", 3546, 605), ("majority", 3153, 600)]
)
def test_the_real_votes_leave_the_stated_numbers(iram_data, rule, private, occluded):
    folder = iram_data / "fer2013"
    dataset = open_dataset(
        f"ferplus:{folder}/fer2013.csv.xz,{folder}/fer2013new.csv",
        split="PrivateTest",
        rule=rule,
        ran_lists=iram_data / "ran_lists",
    )
    assert len(dataset) == private
    occlusion = dataset.metadata["real_occlusion"]
    assert (occlusion != "none").sum() == occluded
    if rule == "most":
        pose = dataset.metadata[["pose_30", "pose_45"]]
        assert pose.sum().tolist() == [1170, 633]
        assert ((occlusion != "none") & pose["pose_30"]).sum() == 205
        assert occlusion.value_counts()[["upper", "lower", "side", "glasses"]].tolist() == [
            70, 138, 213, 184,
        ]


def test_other_votes_or_another_rule_are_other_faces(spec, fer_csv, tmp_path):
    """A training or a result must not be taken for one of other labels, whose pictures are the
    same."""
    write_votes(tmp_path / "other.csv", fer_rows(), [[10] + [0] * 9] * 12)
    other = open_dataset(f"ferplus:{fer_csv},{tmp_path / 'other.csv'}")
    hashes = {open_dataset(spec).sha256, open_dataset(spec, rule="majority").sha256, other.sha256,
              open_dataset(f"fer2013:{fer_csv}").sha256}
    assert len(hashes) == 4


# The folders that FERPlus's own program writes --------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    """Two faces in each of the three folders, with the votes of `label.csv`."""
    root = tmp_path / "FERPlus"
    for k, face in enumerate(faces(6)):
        folder = root / ("FER2013Train", "FER2013Valid", "FER2013Test")[k // 2]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"fer{100 + k:07d}.png"
        Image.fromarray(face).save(folder / name)
        votes = [7 if j == k else 0 for j in range(8)] + [3, 0]
        box = '"(0, 0, 48, 48)",' * (k % 2 == 0)  # versions with and without
        with open(folder / "label.csv", "a") as file:
            file.write(f"{name},{box}{','.join(map(str, votes))}\n")
    return root


def test_the_folders_of_its_own_program_are_read(folders):
    dataset = open_dataset(f"ferplus:{folders},rule=majority")
    assert dataset.metadata["usage"].tolist() == [
        "PrivateTest", "PrivateTest", "Training", "Training", "PublicTest", "PublicTest"]
    assert dataset.labels.tolist() == [4, 5, 0, 1, 2, 3]
    assert dataset.metadata["ferplus_name"][0] == "fer0000104.png"
    assert dataset.metadata["row"].tolist() == [104, 105, 100, 101, 102, 103]
    assert np.array_equal(dataset.images_uint8([2, 3, 4, 5, 0, 1]), faces(6))
    assert dataset.distribution.argmax(1).tolist() == dataset.labels.tolist()
    assert dataset.problems == []


def test_what_its_folders_lack_is_named(folders):
    (folders / "FER2013Test/fer0000105.png").rename(folders / "FER2013Test/fer0000999.png")
    with pytest.raises(InputError, match=r"FER2013Test/label.csv line 2: there is no picture"):
        open_dataset(f"ferplus:{folders}")
    with pytest.warns(UserWarning, match="left out"):
        dataset = open_dataset(f"ferplus:{folders},skip_bad=1")
    assert len(dataset) == 5
    assert any("1 file, such as fer0000999.png, not in label.csv" in problem.message
               for problem in dataset.problems)


@pytest.mark.parametrize(
    ("line", "message"),
    [("x.png,1,2", "ten numbers of votes are needed, not 'x.png,1,2'"),
     ("x.png,1,2,3,4,5,6,7,8,9,-1", "ten numbers of votes")],
)
def test_a_line_of_its_folders_that_is_wrong_is_named(folders, line, message):
    path = folders / "FER2013Valid/label.csv"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=f"{path} line 3: .*{message}"):
        open_dataset(f"ferplus:{folders}")


def test_a_picture_that_its_folders_list_with_other_votes_is_named(folders):
    path = folders / "FER2013Valid/label.csv"
    text = path.read_text()
    path.write_text(text + text.splitlines()[0] + "\n")  # the same votes: nothing is lost
    assert open_dataset(f"ferplus:{folders}").problems == []
    path.write_text(text + "fer0000102.png,0,0,0,0,0,10,0,0,0,0\n")
    with pytest.raises(InputError, match=f"{path} line 3: fer0000102.png stands in the file twice"):
        open_dataset(f"ferplus:{folders}")


def test_other_folders_are_no_ferplus(tmp_path, folders):
    with pytest.raises(InputError, match=r"no folder in it has a label\.csv; FERPlus's folders"):
        open_dataset(f"ferplus:{tmp_path}")
    with pytest.raises(InputError, match=f"write ferplus:{folders}"):
        open_dataset(f"folder:{folders}")
