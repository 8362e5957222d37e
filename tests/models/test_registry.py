"""Registries and the messages of errors."""

import pytest

from iram import InputError
from iram.errors import listing
from iram.registry import Registry, unknown


@pytest.fixture
def registry():
    registry = Registry("fruit")
    registry.register("apple")(len)
    registry.register("pear")(max)
    return registry


def test_a_name_leads_to_what_was_registered(registry):
    assert registry["apple"] is len
    assert list(registry) == ["apple", "pear"]


def test_registering_gives_the_function_back():
    @Registry("fruit").register("plum")
    def plum():
        return 3

    assert plum() == 3


def test_a_duplicate_name_is_an_error_and_changes_nothing(registry):
    with pytest.raises(ValueError, match="fruit 'apple' is registered twice"):
        registry.register("apple")(min)
    assert registry["apple"] is len


def test_an_unknown_name_lists_the_known_and_the_nearest(registry):
    with pytest.raises(InputError) as error:
        registry["aple"]
    assert str(error.value) == "unknown fruit 'aple' (did you mean 'apple'?); known: apple, pear"
    assert "aple" not in registry
    assert registry.get("aple") is None


def test_nothing_near_means_no_guess(registry):
    assert unknown("fruit", "xyz", registry) == "unknown fruit 'xyz'; known: apple, pear"


def test_a_message_is_one_line_whatever_a_value_holds():
    assert str(InputError("line 3: '1,\r\n2' are not four numbers")) == (
        "line 3: '1, 2' are not four numbers"
    )


def test_a_long_listing_is_cut_and_counted():
    assert listing(range(3)) == "0, 1, 2"
    assert listing(["a", "two\nlines"]) == "a, two lines"
    assert listing(range(5), limit=2) == "0, 1, … (5 in all)"
