"""The page of the shipped nets: a model card as hubs read it, made of the cards in JSON."""

import pytest

from analysis.report.cards import LICENCES, cards
from iram.weights import PRETRAINED, pretrained

PAGE = PRETRAINED / "README.md"


@pytest.fixture(scope="module")
def front():
    """The front matter."""
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with the extra docs")
    start, matter, _ = PAGE.read_text("utf-8").split("---\n", 2)
    assert start == ""
    return yaml.safe_load(matter)


def test_every_net_is_in_the_index_with_the_accuracies_of_its_card(front):
    index = {one["name"]: one["results"] for one in front["model-index"]}
    assert set(index) == set(pretrained())
    for name, card in pretrained().items():
        split = {one["dataset"]["split"] for one in index[name]}.pop()
        told = [one["metrics"][0]["value"] for one in index[name]]
        others = [one["accuracy"] for key, one in card.get("accuracy_without_copies", {}).items()
                  if key.startswith(split)]
        assert told == [card["accuracy"][split]["accuracy"], *others]
        assert split in ("PrivateTest", "test")


def test_a_hub_reads_it():
    hub = pytest.importorskip("huggingface_hub", reason="it comes with the extra transformers")
    data = hub.ModelCard(PAGE.read_text("utf-8"), ignore_metadata_errors=False).data
    assert data.license == "mit"
    assert data.datasets == ["fer2013", "ferplus", "heads"]
    assert len(data.eval_results) == sum(len(card["test"]) for card in cards())


def test_the_page_has_a_row_for_each_net_and_its_limits():
    text = PAGE.read_text("utf-8")
    for name, card in pretrained().items():
        [row] = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"{card['parameters']:,}" in row
    assert "must not be used to judge people" in text
    assert all(LICENCES[card["data"]["name"]] in text for card in pretrained().values())


def test_accuracies_are_of_the_single_picture_of_the_test_split():
    by_name = {card["name"]: card for card in cards()}
    assert by_name["iram-heads-seed0"]["test"].keys() == {"all"}
    assert list(by_name["iram-seed0"]["test"]) == ["all", "without copies", "without near copies"]
    assert by_name["iram-seed0"]["test"]["all"] == pretrained()["iram-seed0"]["accuracy"][
        "PrivateTest"]
