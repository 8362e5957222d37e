"""Which model is whose control: by the cards, not by the files' names."""

from pathlib import Path

import pytest
import tiny
import torch
from planted import Fixed, faces, few_permutations, subject  # noqa: F401
from tiny import carded

from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.shift import shift
from analysis.studies.shift.evidence import Evidence, MissingWeightsError
from analysis.studies.shift.readers import open_readers
from analysis.subjects import open_subjects, roles
from analysis.subjects.hypotheses import Component
from analysis.subjects.training import training_of
from iram import InputError
from iram.architecture import FER2013_CLASSES

ERASED = {"erasing": 0.5, "erasing_fill": "noise"}
CONDITIONS = [CLEAN, Condition("lower_half", 0.3, "noise")]


def subjects(*paths):
    return open_subjects(",".join(map(str, paths)), FER2013_CLASSES)


class Study:
    """As much of one as `Evidence` asks for the models."""

    def __init__(self, found):
        self.readers = open_readers(found, tiny.dataset(7))
        self.plan = type("Plan", (), {"conditions": CONDITIONS})


def evidence(*paths):
    return Evidence(Study(subjects(*paths)))


def names(groups):
    return [[reader.name for reader in group] for group in groups]


@pytest.fixture
def zoo(tmp_path):
    """IRAM with two seeds, its twin and its controls, in files named a to g."""
    return [
        carded(tmp_path, "a", "mine", "iram", 0), carded(tmp_path, "b", "mine", "iram", 1),
        carded(tmp_path, "c", "plain", "none"), carded(tmp_path, "d", "squeezed", "se"),
        carded(tmp_path, "e", "chance", "iram", random_labels=True, label_smoothing=0.0),
        carded(tmp_path, "f", "taught", "iram", **ERASED),
        carded(tmp_path, "g", "taught-plain", "none", **ERASED),
    ]


def test_controls_are_found_by_their_cards(zoo):
    found = evidence(*zoo)
    assert set(found.judged()) == {"mine"}  # d gates channels alone
    assert names([found.judged()["mine"]]) == [["a", "b"]]
    assert names(found.controls("mine", "twin")) == [["c"]]  # not g, which saw erasing
    assert names(found.controls("mine", "se")) == [["d"]]
    assert names(found.controls("mine", "random-labels")) == [["e"]]
    with pytest.raises(MissingWeightsError, match=r"no weights of: cbam$"):
        found.controls("mine", "cbam")
    exposures = [r.training.erased for r in found.study.readers if r.name in "fg"]
    assert exposures == ["noise", "noise"]


def test_a_rival_is_the_module_as_it_is_not_one_of_its_variants(zoo, tmp_path):
    usual = carded(tmp_path, "p", "cbam", "cbam")
    variant = carded(tmp_path, "q", "cbam-narrow", "cbam", switches={"reduction": 2})
    found = evidence(*zoo, usual, variant).controls("mine", "cbam")
    assert names(found) == [["p"]]


def test_a_net_that_gates_elsewhere_is_another_kind(zoo, tmp_path):
    elsewhere = carded(tmp_path, "q", "mine-block", "iram", switches={"place": "block"})
    found = evidence(*zoo, elsewhere)
    assert set(found.judged()) == {"mine", "mine-block"}
    assert names(found.controls("mine-block", "twin")) == [["c"]]
    with pytest.raises(MissingWeightsError):
        found.controls("mine-block", "random-labels")  # e's gates are in the branch


def test_all_exposures_are_needed_and_the_missing_ones_named(zoo, tmp_path):
    with pytest.raises(MissingWeightsError) as error:
        evidence(*zoo).controls("mine", "exposure")
    assert error.value.names == ["mine-erasing-mean", "mine-erasing-occluders"]
    more = [
        carded(tmp_path, "h", "taught-mean", "iram", erasing=0.5, erasing_fill="mean"),
        carded(tmp_path, "i", "taught-all", "iram", erasing=0.5, erasing_fill="any",
                erasing_shape="regions"),
    ]
    found = evidence(*zoo, *more).controls("mine", "exposure")
    assert names(found) == [["f"], ["h"], ["i"]]


def test_a_twin_of_other_data_or_another_recipe_is_no_control_and_named(tmp_path):
    own = carded(tmp_path, "a", "mine", "iram")
    for other in (carded(tmp_path, "b", "elsewhere", "none", data="heads"),
                  carded(tmp_path, "c", "longer", "none", epochs=90)):
        with pytest.raises(MissingWeightsError, match=f"{other.stem}: trained on other data"):
            evidence(own, other).controls("mine", "twin")


def test_one_label_of_two_trainings_is_a_mistake(tmp_path):
    paths = [carded(tmp_path, "a", "mine", "iram", 0),
             carded(tmp_path, "b", "mine", "iram", 1, epochs=90)]
    with pytest.raises(InputError, match=r"a and b are both labelled 'mine'.*epochs: 24 there, 90"):
        evidence(*paths)


def test_erasing_half_as_often_is_another_training(tmp_path):
    paths = [carded(tmp_path, "a", "mine", "iram", 0, **ERASED),
             carded(tmp_path, "b", "mine", "iram", 1, **ERASED | {"erasing": 0.25})]
    with pytest.raises(InputError, match=r"erasing\.erasing: 0\.5 there, 0\.25 now"):
        evidence(*paths)


def test_one_label_and_seed_twice_is_a_mistake(tmp_path):
    paths = [carded(tmp_path, name, "mine", "iram", 0) for name in "ab"]
    with pytest.raises(InputError, match="a and b are both 'mine' of training seed 0"):
        evidence(*paths)


def test_without_a_card_the_name_tells():
    known = faces(7)
    found = [
        training_of(subject(Fixed(known), name))
        for name in (
            "iram-heads-seed3",
            "iram-erasing-occluders-seed0",
            "iram-random-labels-heads-seed1",
        )
    ]
    assert [t.label for t in found] == ["iram-heads", "iram-erasing-occluders",
                                        "iram-random-labels-heads"]
    assert [(t.erased, t.random_labels) for t in found] == [
        ("none", False), ("occluders", False), ("none", True)]
    assert roles.alike("random-labels", found[2], found[0])
    assert not roles.alike("noise", found[1], found[0])


def test_every_training_is_compared_with_the_control_of_its_own_seed(tmp_path):
    """A control that differs between seeds by what the model differs by leaves no spread."""
    known = faces(14)

    class Seeded(Fixed):
        """Attention on the covered half falls by a part that only the seed decides."""

        part = 0.0

        def gate(self, images, covered, names):
            return super().gate(images, covered, names) * (1 - self.part * covered)

    def made(name, seed, part):
        model = Seeded(known)
        model.part = part
        return subject(model, f"{name}-seed{seed}", seed)

    out = Path(tmp_path)
    results = shift(
        [made("iram", 0, 0.5), made("iram", 1, 0.8), made("se", 0, 0.5), made("se", 1, 0.8)],
        known, out, conditions=CONDITIONS, batch_size=14, progress=False,
    )
    component = Component("more than se", "mass_change", -1, 0.05, versus="se")
    values = Evidence(results.plan).values("iram", component, "noise")
    assert values.shape == (2, 14, 3)
    assert torch.tensor(values[:, :, 1:]).isnan().all()  # nets of one layer: one stage
    early = torch.tensor(values[:, :, 0])
    assert torch.allclose(early, torch.zeros(2, 14, dtype=torch.float64), atol=1e-6)


def test_a_name_without_a_seed_is_all_its_shipped_seeds(tmp_path, monkeypatch):
    for name in ("iram-seed0", "iram-seed10", "iram-seed2", "iram-heads-seed0", "iram-x-seed0"):
        (tmp_path / f"{name}.safetensors").touch()
    monkeypatch.setattr(roles, "PRETRAINED", tmp_path)
    assert roles.every_seed("iram, iram-heads") == \
        "iram-seed0,iram-seed2,iram-seed10,iram-heads-seed0"
    for named in ("iram-seed2,my/own.safetensors", f"{tmp_path}/iram-seed0.safetensors,none-x"):
        assert roles.every_seed(named) == named
