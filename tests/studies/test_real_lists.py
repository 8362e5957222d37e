"""Really occluded and turned faces are found by their lists."""

import re

import numpy as np
import pandas as pd
import pytest
import tiny
from real_rows import found
from sources import faces as pictures
from sources import fer_rows, write_csv, write_lists, write_pictures, write_votes

from analysis.engine.cells import complete
from analysis.stimuli.conditions import CLEAN, select
from analysis.studies.occlusion.engine import compute
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.real.run import analyse_real, real_groups, report_lines
from analysis.studies.occlusion.real.table import real_table
from analysis.subjects import open_subjects
from iram.data import open_dataset
from iram.errors import InputError

VOTES = [[7 if j == i % 8 else 0 for j in range(8)] + [3, 0] for i in range(42)]
VOTES[2] = [4, 0, 0, 4, 2, 0, 0, 0, 0, 0]  # no majority


@pytest.fixture
def source(tmp_path):
    """42 faces, every third of PrivateTest: rows 2, 5, 8, ...; votes beside the CSV; lists."""
    rows = fer_rows(42)
    write_votes(tmp_path / "fer2013new.csv", rows, VOTES)
    write_lists(
        tmp_path / "lists",
        b"2_fer0000002.png 8 0\n5_fer0000005.png 8 1\n0_fer0000008.png 8 2\n3_fer0000011.png 8 3\n",
        b"0/fer0000008.jpg\n6/fer0000014.jpg\n",
        b"6/fer0000014.jpg\n",
    )
    return write_csv(tmp_path / "fer2013.csv", rows)


def listed(source, spec="fer2013:{csv}", split="test"):
    dataset = open_dataset(spec.format(csv=source, votes=source.parent / "fer2013new.csv"), split)
    return dataset, real_groups(dataset, source.parent / "lists")


def test_names_are_taken_from_the_votes_beside_the_csv_whatever_part_is_studied(source):
    dataset, (faces, problems) = listed(source)
    assert dataset.metadata["row"].tolist()[:5] == [2, 5, 8, 11, 14]
    assert faces["image_id"].tolist() == dataset.metadata["image_id"].tolist()
    assert faces["real_occlusion"].tolist()[:5] == ["upper", "lower", "side", "glasses", "none"]
    assert np.flatnonzero(faces["pose_30"]).tolist() == [2, 4]
    assert np.flatnonzero(faces["pose_45"]).tolist() == [4]
    part = real_groups(dataset.subset([4, 1]), source.parent / "lists")
    assert part.faces["real_occlusion"].tolist() == ["none", "lower"]
    assert any("3 of 5 listed faces are not among these 2" in p for p in part.problems)
    assert not any("not among" in p for p in problems)


def test_ferplus_labels_come_with_what_they_lack(source):
    _, (faces, problems) = listed(source)
    assert faces["ferplus_label"].tolist()[:4] == ["", "disgust", "neutral", "sad"]
    assert "without a FERPlus majority: 1 of 14 faces" in problems
    assert any("(contempt) that fer2013 has no class for: 1" in p for p in problems)
    assert any("than FERPlus's majority: 8 of the 12 others" in p for p in problems)


def test_ferplus_data_gives_the_same_flags(source):
    _, (of_fer2013, _) = listed(source)
    _, (of_ferplus, _) = listed(source, "ferplus:{csv},{votes}")
    pd.testing.assert_frame_equal(of_fer2013, of_ferplus)


def test_votes_may_also_be_named_and_lists_given_before(source):
    lists = source.parent / "lists"
    spec = "fer2013:{csv},votes={votes}" + f",ran_lists={lists}"
    moved = (source.parent / "fer2013new.csv").rename(source.parent / "v.csv")
    dataset = open_dataset(spec.format(csv=source, votes=moved), "test")
    assert real_groups(dataset, lists).faces["real_occlusion"][0] == "upper"


@pytest.mark.parametrize("spec", ["fer2013:{csv}", "ferplus:{csv},{votes}"])
def test_lists_of_other_faces_are_told(source, spec):
    with pytest.raises(InputError, match="none of the 5 listed faces is among these 14"):
        listed(source, spec, "train")


def test_without_names_it_is_said_what_to_do(source):
    (source.parent / "fer2013new.csv").unlink()
    with pytest.raises(InputError, match=r"put FERPlus's fer2013new.csv beside fer2013.csv, or use "
                                         r"ferplus:.*fer2013.csv,VOTES"):
        listed(source)


def test_folders_and_other_data_sets_are_refused(tmp_path):
    names = [f"{split}/sad/PrivateTest_{i}.png" for split in ("train", "test") for i in range(4)]
    root = write_pictures(tmp_path / "kaggle", names)
    with pytest.raises(InputError, match="pictures in folders have no FERPlus names"):
        real_groups(open_dataset(f"fer2013:{root}"), tmp_path)
    with pytest.raises(InputError, match="use fer2013:, ferplus: or rafdb: data, not heads"):
        real_groups(open_dataset("heads:n=2"), tmp_path)
    with pytest.raises(InputError, match="not tiny"):
        real_groups(tiny.dataset(), tmp_path)


def test_raf_db_has_its_own_lists_and_no_ferplus_labels(tmp_path):
    from PIL import Image

    folder = tmp_path / "basic/Image/aligned"
    folder.mkdir(parents=True)
    for i, face in enumerate(pictures(4, 100)):
        Image.fromarray(face).convert("RGB").save(folder / f"test_{i:04d}_aligned.jpg")
    (tmp_path / "basic/EmoLabel").mkdir()
    lines = "".join(f"test_{i:04d}.jpg {i + 1}\n" for i in range(4))
    (tmp_path / "basic/EmoLabel/list_patition_label.txt").write_text(lines)
    occluded = "test_0001_aligned 1 2\ntest_0001_aligned 1 2\n"
    (tmp_path / "rafdb_occlusion_list.txt").write_text(occluded)
    for name in ("val_raf_db_list.txt", "val_raf_db_list_45.txt"):
        (tmp_path / name).write_text("0/test_0000_aligned.jpg\n")
    faces, problems = real_groups(open_dataset(f"rafdb:{tmp_path}", "test"), tmp_path)
    assert faces["real_occlusion"].tolist() == ["none", "lower", "none", "none"]
    assert "ferplus_label" not in faces
    assert [p.split(": ")[1] for p in problems] == [
        "1 of 1 listed faces stands more than once, such as test_0001 in lines 1 and 2 (lower, "
        "lower); the first line counts"
    ]


def test_a_finished_benchmark_becomes_tables_and_words(source, tmp_path):
    dataset = open_dataset(f"fer2013:{source}", "test")
    models = open_subjects(str(tiny.weights(tmp_path, "none")), dataset.classes)
    conditions = select("eyes-0.3-mean,upper_half-0.3-mean,lower_half-0.3-mean,left_half-0.3-mean")
    benchmark = Benchmark(models, dataset, conditions, tmp_path / "out")
    complete(benchmark, compute, progress=False)
    results = analyse_real(benchmark, source.parent / "lists")
    accuracy = found(results.table, "not_listed", "accuracy")
    hits = benchmark.rows(models[0], CLEAN)["correct"].to_numpy()
    assert accuracy.value == pytest.approx(hits[5:].mean())
    assert accuracy.n == 9
    text = "\n".join(report_lines(results))
    assert "with its 8 classes (pretrained on faces" in text
    assert re.search(r"occluded +84.96  ResNet-18, 3 runs", text)
    assert re.search(r"turned over 45 +80.40  RAN", text)
    assert "upper: upper_half" in text
    assert "4 points are weak evidence" in text
    assert "without a FERPlus majority" in text


def test_the_real_lists_give_the_known_groups(iram_data):
    dataset = open_dataset(f"fer2013:{iram_data}/fer2013/fer2013.csv.xz", "test")
    faces, problems = real_groups(dataset, iram_data / "ran_lists")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({
        "image_id": faces["image_id"], "label": dataset.labels.numpy(), "correct": True,
        "prediction": rng.integers(0, 7, len(faces)), "confidence": 0.5, "margin": 0.0,
    })
    table = real_table({"m": rows}, faces, dataset.classes, 0)
    own = table[(table["labels"] == "own") & (table["metric"] == "accuracy")]
    sizes = dict(zip(own["group"], own["n"], strict=True))
    assert sizes == {
        "occluded": 605, "upper": 70, "lower": 138, "side": 213, "glasses": 184, "pose_30": 1170,
        "pose_45": 633, "occluded_not_turned": 400, "turned_not_occluded": 965, "not_listed": 2019,
    }
    assert "without a FERPlus majority: 436 of 3,589 faces" in problems
