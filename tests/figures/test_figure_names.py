"""Names and looks are given once, the same in every figure."""

import pytest

from analysis.figures import names
from analysis.figures.style import STYLES, context, look, points, using
from analysis.studies.attribution.perturbed import ORDERS
from analysis.studies.occlusion.real.table import GROUPS, TYPES
from analysis.subjects.hypotheses import HYPOTHESES
from iram.errors import InputError

TITLES = {name: titles for name, titles in vars(names).items() if isinstance(titles, names.Titles)}


@pytest.mark.parametrize("name", TITLES)
def test_everything_that_is_registered_has_a_title_of_its_own(name):
    titles = TITLES[name]
    assert len(set(titles.values())) == len(titles) > 4


@pytest.mark.parametrize(("titles", "known"), [
    (names.TYPES, TYPES), (names.GROUPS, GROUPS), (names.ORDERS, ORDERS),
    (names.HYPOTHESES, [h.key for h in HYPOTHESES]),
])
def test_every_word_of_a_table_has_a_title(titles, known):
    assert set(known) <= set(titles)


def test_every_question_asks_hypotheses_that_exist():
    keys = {h.key for h in HYPOTHESES}
    for asked in names.QUESTIONS.values():
        assert set(asked) <= keys


def test_models_are_told_apart_by_what_differs_and_no_more():
    assert names.model_titles(["iram-seed0", "none-seed0"]) == {
        "iram-seed0": "IRAM", "none-seed0": "no attention",
    }
    assert names.model_titles(["iram-heads-seed0"]) == {"iram-heads-seed0": "IRAM"}
    assert list(names.model_titles(["iram-heads", "iram"]).values()) == [
        "IRAM, rendered heads", "IRAM",
    ]
    assert list(names.model_titles(["se-seed0", "se-seed2"]).values()) == ["SE, seed 0",
                                                                          "SE, seed 2"]
    assert names.model_titles(["none-erasing-noise-seed1", "my_net"]) == {
        "none-erasing-noise-seed1": "no attention, erased with noise", "my_net": "my_net",
    }


def test_a_module_looks_the_same_among_any_others():
    alone, among = look(["cbam-seed0"]), look(["iram", "my-net", "cbam-seed0"])
    assert alone["cbam-seed0"] == among["cbam-seed0"]
    looks = look(["iram", "iram-erasing-noise", "none"])
    assert looks["iram"]["color"] == looks["iram-erasing-noise"]["color"] != looks["none"]["color"]
    assert looks["iram"]["fillstyle"] != looks["iram-erasing-noise"]["fillstyle"]


def test_variants_of_one_module_are_told_apart_in_grey():
    looks = look(["iram", "iram-permuted-weights", "iram-random-labels", "iram-erasing-noise"])
    assert len({(one["marker"], one["fillstyle"]) for one in looks.values()}) == 4
    assert not {one["fillstyle"] for one in looks.values()} & {"left", "right"}  # too small to see


def test_many_variants_of_one_module_are_told_apart_by_colour():
    looks = look([f"iram-{word}" for word in "abcdef"])
    assert len({style["color"] for style in looks.values()}) == 6


def looks_alone(models):
    return [tuple(map(str, (one["color"], one["marker"], one["fillstyle"])))
            for one in look(models).values()]


@pytest.mark.parametrize("models", [
    ["iram-seed0", "net"], ["none-seed0", "iram-seed0", "resnet50", "vit"],
    [*names.MODULES, *(f"net{number}" for number in range(9))],
    ["nets-small", "nets-large", "iram"], [f"nets-{number}" for number in range(20)],
    ["my-nets-a", "my-nets-b", "other-a"], [f"iram-{number}" for number in range(12)],
])
def test_no_two_nets_look_alike(models):
    assert len(set(looks_alone(models))) == len(models)


def test_a_net_from_outside_has_the_colour_of_a_module_that_is_not_there():
    looks = look(["iram-seed0", "cbam-seed0", "resnet50", "vit"])
    assert len({one["color"] for one in looks.values()}) == 4
    ours = {one["marker"] for one in look([f"{name}-seed0" for name in names.MODULES]).values()}
    assert not ours & {looks["resnet50"]["marker"], looks["vit"]["marker"]}
    assert looks["iram-seed0"] == look(["iram-seed0"])["iram-seed0"]


def test_nets_of_one_file_have_one_colour_and_nets_of_two_have_two():
    looks = look(["my-nets-small", "my-nets-large", "my-others-small"])
    small, large, other = (one["color"] for one in looks.values())
    assert small == large != other
    assert looks["my-nets-small"]["fillstyle"] != looks["my-nets-large"]["fillstyle"]


def test_one_model_of_each_family_is_kept():
    found = names.one_per_family(["iram-seed0", "iram-seed1", "none-seed3", "none-seed1"])
    assert found == ["iram-seed0", "none-seed3"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (("eyes", "noise", 0.3), "eyes 30%, noise"), (("hand", "object", None), "hand"),
        (("hand", "object", float("nan")), "hand"), (("hand", "mean", None), "hand, mean gray"),
        (("new_thing", "object", 0.25), "new thing 25%"),
    ],
)
def test_conditions_are_told_in_words(condition, expected):
    assert names.condition_title(*condition) == expected


def test_the_style_in_use_is_left_again_and_an_unknown_one_is_told():
    import matplotlib

    with using("screen"), context():
        assert points(7) == pytest.approx(9.8)
        assert matplotlib.rcParams["font.size"] == 10.5
        assert matplotlib.rcParams["svg.fonttype"] == "none"  # as on paper
    assert points(7) == 7
    with pytest.raises(InputError, match="unknown style 'papers'"), using("papers"):
        pass
    assert set(STYLES) == {"paper", "screen"}


def test_intervals_are_within_training_seeds_where_a_row_has_several():
    assert names.over([1, float("nan")]) == "95% over faces"
    assert names.over([1, 3, float("nan")]) == "95% over faces and training seeds"
