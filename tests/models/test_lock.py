"""Locks of processes that share a folder: held once, taken over from the dead, never by guess."""

import contextlib
import multiprocessing
import os
import socket

import pytest
from lock_holder import held

from iram.lock import BusyError, locked


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    with held(tmp_path / "lock"), pytest.raises(BusyError), locked(tmp_path / "lock"):
        pass
    assert (tmp_path / "lock").exists()
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text().split()[0] == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_another_host_is_never_taken_over(tmp_path):
    (tmp_path / "lock").write_text("1\nsome-other-host\n")
    with pytest.raises(BusyError, match=r"process 1 on some-other-host.*remove it"):
        locked(tmp_path / "lock").__enter__()
    assert (tmp_path / "lock").read_text() == "1\nsome-other-host\n"


def test_a_lock_of_an_earlier_version_is_held_until_it_is_removed(tmp_path):
    """It was one line; nobody knows whether its owner lives."""
    (tmp_path / "lock").write_text(text := f"1 {socket.gethostname()} abc")
    with pytest.raises(BusyError, match=r"process 1 on .*remove it"):
        locked(tmp_path / "lock").__enter__()
    assert (tmp_path / "lock").read_text() == text


@pytest.mark.parametrize("process", ["²", "9" * 30, "9" * 5000, "-1", "0x1", "１"])
def test_an_owner_that_is_no_process_is_held_by_an_unknown_one(tmp_path, process):
    (tmp_path / "lock").write_text(text := f"{process}\n{socket.gethostname()}\n")
    with pytest.raises(BusyError, match="is held by process"):
        locked(tmp_path / "lock").__enter__()
    assert (tmp_path / "lock").read_text() == text


def test_a_lock_that_was_removed_by_hand_and_taken_by_another_is_left_to_it(tmp_path):
    with locked(tmp_path / "lock"):
        (tmp_path / "lock").unlink()
        (tmp_path / "lock").write_text("7\nsome-other-host\n")
    assert (tmp_path / "lock").read_text() == "7\nsome-other-host\n"
    (tmp_path / "lock").unlink()
    with locked(tmp_path / "lock"):
        (tmp_path / "lock").unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_just_being_written_is_held(tmp_path):
    (tmp_path / "lock").write_text("")
    with pytest.raises(BusyError):
        locked(tmp_path / "lock").__enter__()


def left_behind(path, process) -> None:
    """The file of a process that is gone."""
    path.write_text(f"{process}\n{socket.gethostname()}\n1\n")


def test_the_own_number_can_be_that_of_a_dead_process_of_an_earlier_container(tmp_path):
    left_behind(tmp_path / "lock", os.getpid())
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text().split()[2] != "1"  # it started at another time


@pytest.mark.exhaustive
def test_of_several_that_see_a_dead_owner_only_one_takes_over(tmp_path):
    """Eight processes at once, forty times: each counts itself while it holds the lock."""
    path, processes = tmp_path / "lock", multiprocessing.get_context("fork")
    gone = processes.Process()
    gone.start()
    gone.join()
    together, held = processes.Barrier(8), processes.Array("i", 40)
    contenders = [processes.Process(target=contend, args=(path, gone.pid, together, held, at))
                  for at in range(8)]
    for one in contenders:
        one.start()
    for one in contenders:
        one.join(60)
        assert one.exitcode == 0
    assert list(held) == [1] * 40


def contend(path, dead, together, held, at) -> None:
    for turn in range(len(held)):
        if at == 0:
            left_behind(path, dead)
        together.wait(30)
        with contextlib.suppress(BusyError), locked(path):
            with held.get_lock():
                held[turn] += 1
            together.wait(30)  # nobody lets go before all have tried
            continue
        together.wait(30)


def test_a_lock_is_removed_after_an_error_and_not_held_twice(tmp_path):
    with locked(tmp_path / "lock"), pytest.raises(BusyError), locked(tmp_path / "lock"):
        pass
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock"):
        raise ZeroDivisionError
    assert not (tmp_path / "lock").exists()
