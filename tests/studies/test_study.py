"""Conditions as data."""

import re

import pytest

from analysis.stimuli.conditions import CLEAN, FRONTAL, KNOWN, PRESETS, Condition, select
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import FILLS
from analysis.stimuli.occluders import GROWING, OBJECTS, names
from iram.errors import InputError


def test_every_condition_names_a_registered_occluder_fill_and_corruption():
    for condition in KNOWN:
        assert condition.occluder in {*names(), "none"}
        assert condition.fill in {*FILLS, "none"}
        assert condition.corruption in {*CORRUPTIONS, "none"}
        assert condition.fraction is not None or condition.occluder in OBJECTS
        assert condition.fill != "object" or condition.occluder in OBJECTS


def test_everything_that_is_registered_is_in_the_full_study_or_asked_for_by_its_name():
    full = PRESETS["full"]
    known = [*full, *select(",".join([*names(), *CORRUPTIONS, *(f"eyes-0.3-{f}" for f in FILLS)]))]
    assert {c.occluder for c in known} == {*names(), "none"}
    assert {c.fill for c in known} == {*FILLS, "none"}
    assert {c.corruption for c in known} == {*CORRUPTIONS, "none"}
    assert {*PRESETS["quick"], *PRESETS["default"]} <= {*full}


def test_every_region_and_fraction_has_its_area_matched_box():
    for preset in ("quick", "default", "full"):
        chosen = PRESETS[preset]
        regions = {(c.fraction, c.fill) for c in chosen if c.occluder in ("eyes", "mouth", "chin")}
        assert regions <= {(c.fraction, c.fill) for c in chosen if c.occluder == "box"}


def test_names_say_the_condition_in_full_and_differ():
    assert Condition("eyes", 0.3, "mean").name == "eyes-0.3-mean"
    assert Condition(roll_deg=-15.0).name == "roll-15"
    assert Condition("box", 0.1, "noise", roll_deg=30.0).name == "roll+30-box-0.1-noise"
    assert Condition("box", 0.1, "noise", 15.0, -15.0).name == "yaw+15-pitch-15-box-0.1-noise"
    assert Condition("hand", None, "object").name == "hand-natural-object"
    assert Condition(corruption="jpeg", severity=3).name == "jpeg-3"
    assert FRONTAL.name == "yaw+0"
    assert CLEAN.name == "clean"
    assert len({c.name for c in KNOWN}) == len(KNOWN)


def test_select_takes_presets_occluders_and_patterns_and_puts_the_clean_pass_first():
    chosen = select("rotation,eyes-0.3-*,jpeg")
    assert chosen[0] == CLEAN
    assert [c.roll_deg for c in chosen[1:5]] == [-30, -15, 15, 30]
    fills = [c.fill for c in chosen if c.occluder == "eyes"]
    assert {*fills} == {*FILLS} - {"object"}
    assert [c.severity for c in chosen if c.corruption == "jpeg"] == [1, 2, 3, 4, 5]
    assert len(chosen) == 1 + 4 + len(fills) + 5
    assert select("clean") == [CLEAN]
    assert select("yaw+30")[:2] == [CLEAN, FRONTAL]
    assert not any(c.in_depth for c in select("eyes"))
    assert select("smoke,smoke") == select("smoke")


def test_a_condition_of_no_preset_is_named_in_full():
    assert select("eyes-0.37-noise")[1] == Condition("eyes", 0.37, "noise")
    assert select("hand-natural-black")[1] == Condition("hand", None, "black")
    for wrong in ("eyes-natural-mean", "eyes-0-mean", "eyes-1.5-mean", "eyes-nan-mean"):
        with pytest.raises(InputError, match="above 0 and at most 1"):
            select(wrong)


def test_a_newly_registered_corruption_is_named_with_its_severity(monkeypatch):
    monkeypatch.setitem(CORRUPTIONS, "darker", lambda images, severity, generators=(): images)
    assert select("darker-3")[1] == Condition(corruption="darker", severity=3)
    with pytest.raises(InputError, match="the severity is '6'; it must be a whole number from 1"):
        select("darker-6")


def test_what_is_newly_registered_has_default_conditions_by_its_name_and_in_patterns(monkeypatch):
    monkeypatch.setitem(GROWING, "stripe", lambda layout, generators: None)
    monkeypatch.setitem(OBJECTS, "pipe", lambda layout: None)
    monkeypatch.setitem(CORRUPTIONS, "darker", lambda images, severity, generators=(): images)
    assert {f"stripe-{f}-{fill}" for f in (0.1, 0.3, 0.5)
            for fill in ("mean", "noise", "other_class")} <= {*named("stripe")}
    assert "pipe-natural-object" in named("pipe")
    assert named("darker") == [f"darker-{severity}" for severity in range(1, 6)]
    assert named("stripe-*-noise") == [f"stripe-{f}-noise" for f in (0.1, 0.3, 0.5)]
    assert named("dark*-[12]") == ["darker-1", "darker-2"]
    monkeypatch.setitem(FILLS, "white", lambda scene: scene.images)
    assert named("eyes-*-white") == [f"eyes-{f}-white" for f in (0.1, 0.3, 0.5)]
    assert named("hand-*-white") == ["hand-natural-white"]
    assert named("*-0.3-white").count("stripe-0.3-white") == 1
    assert "white" not in {c.fill for c in select("eyes")}  # lists stay as they are


def named(names: str) -> list[str]:
    """The names of the conditions that these stand for, but for the clean pass."""
    return [condition.name for condition in select(names)[1:]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("eyes-0.3-men", "condition 'eyes-0.3-men': unknown fill 'men' (did you mean 'mean'?)"),
        ("eyes-*-men", "unknown fill 'men' (did you mean 'mean'?)"),
        ("eyse-0.3-mean", "unknown occluder 'eyse' (did you mean 'eyes'?)"),
        ("eyes-0.3", "write OCCLUDER-FRACTION-FILL, such as eyes-0.3-mean"),
        ("mean", "write OCCLUDER-FRACTION-FILL"),
        ("blob-*-texture", "name the fraction, such as blob-0.3-texture"),
        (
            "jpeg-9",
            "condition 'jpeg-9': the severity is '9'; it must be a whole number from 1 to 5",
        ),
        ("jpegg-3", "unknown corruption 'jpegg' (did you mean 'jpeg'?)"),
        ("roll+20", "'roll+20': known with roll (degrees) are roll-30, roll-15, roll+15, roll+30"),
        ("yaw+25", "are yaw-60, yaw-45, yaw-30, yaw-15, yaw+0, yaw+15, yaw+30, yaw+45, yaw+60"),
        ("yaw+25-eyes-0.3-mean", "known with yaw (degrees) are yaw-30-eyes-0.3-mean, yaw-30-mouth"),
    ],
)
def test_a_mistake_inside_a_name_is_pointed_at(wrong, message):
    with pytest.raises(InputError, match=re.escape(message)):
        select(wrong)


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(InputError, match="did you mean 'eyes'"):
        select("eyse")
    with pytest.raises(InputError, match="no condition named"):
        select(" , ")
