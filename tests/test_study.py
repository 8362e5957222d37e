"""Conditions as data."""

import pytest

from analysis.fills import FILLS
from analysis.occluders import OCCLUDERS
from analysis.study import CLEAN, FRONTAL, PRESETS, Condition, select
from iram.errors import InputError

EVERY = [condition for preset in PRESETS.values() for condition in preset]


def test_every_condition_names_a_registered_occluder_and_fill():
    for condition in EVERY:
        assert condition.occluder in {*OCCLUDERS, "none"}
        assert condition.fill in {*FILLS, "none"}


def test_every_registered_occluder_and_fill_is_in_the_default_study():
    default = PRESETS["default"]
    assert {c.occluder for c in default} == {*OCCLUDERS, "none"}
    assert {c.fill for c in default} == {*FILLS, "none"}


def test_names_say_the_condition_in_full_and_differ():
    assert Condition("eyes", 0.3, "mean").name == "eyes-0.3-mean"
    assert Condition(roll_deg=-15.0).name == "roll-15"
    assert Condition("box", 0.1, "noise", roll_deg=30.0).name == "roll+30-box-0.1-noise"
    assert Condition("box", 0.1, "noise", 15.0, -15.0).name == "yaw+15-pitch-15-box-0.1-noise"
    assert FRONTAL.name == "yaw+0"
    assert CLEAN.name == "clean"
    assert len({c.name for c in set(EVERY)}) == len(set(EVERY))


def test_select_takes_presets_occluders_and_patterns_and_puts_the_clean_pass_first():
    chosen = select("rotation,eyes-0.3-*,mouth")
    assert chosen[0] == CLEAN
    expected = [f"eyes-0.3-{fill}" for fill in ("black", "mean", "noise", "blur")]
    assert [c.name for c in chosen[5:9]] == expected
    assert len(chosen) == 1 + 4 + 4 + 20
    assert select("clean") == [CLEAN]
    assert select("yaw+30")[:2] == [CLEAN, FRONTAL]
    assert not any(c.in_depth for c in select("eyes"))
    assert select("smoke,smoke") == select("smoke")


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(InputError, match="did you mean 'eyes'"):
        select("eyse")
    with pytest.raises(InputError, match="no condition named"):
        select(" , ")
