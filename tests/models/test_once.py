"""Attributes that are found once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from iram.once import found_once


class Asked:
    both = Barrier(2, timeout=20)

    def __init__(self):
        self.times = 0

    @found_once
    def found(self) -> int:
        """What is found."""
        self.times += 1
        Asked.both.wait()  # raises unless two threads are here at once
        return self.times


def test_threads_find_the_attributes_of_their_own_at_once_and_each_once():
    assert Asked.found.__doc__ == "What is found."
    mine, other = Asked(), Asked()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda one: one.found, (mine, other))) == [1, 1]
    assert (mine.found, mine.times) == (1, 1)
