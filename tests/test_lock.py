"""Locks of processes that share a folder: held once, taken over from the dead, never by guess."""

import os
import socket

import pytest
from lock_holder import held

import iram.lock
from iram.lock import BusyError, locked


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    with held(tmp_path / "lock"), pytest.raises(BusyError), locked(tmp_path / "lock"):
        pass
    assert (tmp_path / "lock").exists()
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text().split()[0] == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_another_host_is_never_taken_over(tmp_path):
    (tmp_path / "lock").write_text("1 some-other-host abc")
    with pytest.raises(BusyError, match=r"process 1 on some-other-host.*remove it"):
        locked(tmp_path / "lock").__enter__()
    assert (tmp_path / "lock").read_text() == "1 some-other-host abc"


@pytest.mark.parametrize("process", ["²", "9" * 30, "9" * 5000, "-1", "0x1", "１"])
def test_an_owner_that_is_no_process_is_held_by_an_unknown_one(tmp_path, process):
    (tmp_path / "lock").write_text(text := f"{process} {socket.gethostname()} abc")
    with pytest.raises(BusyError, match="is held by process"):
        locked(tmp_path / "lock").__enter__()
    assert (tmp_path / "lock").read_text() == text


def test_a_lock_that_was_removed_by_hand_and_taken_by_another_is_left_to_it(tmp_path):
    with locked(tmp_path / "lock"):
        (tmp_path / "lock").write_text("7 some-other-host new")
    assert (tmp_path / "lock").read_text() == "7 some-other-host new"
    (tmp_path / "lock").unlink()
    with locked(tmp_path / "lock"):
        (tmp_path / "lock").unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_just_being_written_is_held(tmp_path):
    (tmp_path / "lock").write_text("")
    with pytest.raises(BusyError):
        locked(tmp_path / "lock").__enter__()


def test_of_several_that_see_a_dead_owner_only_one_takes_over(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    path.write_text(dead := f"{os.getpid()} {socket.gethostname()} of-an-earlier-container")
    alive = iram.lock._alive

    def overtaken(owner):  # between this look at the owner and the removal, another takes over
        if owner == dead:
            path.write_text("7 some-other-host new")
        return alive(owner)

    monkeypatch.setattr(iram.lock, "_alive", overtaken)
    with pytest.raises(BusyError, match="some-other-host"):
        locked(path).__enter__()
    assert path.read_text() == "7 some-other-host new"


def test_a_lock_is_removed_after_an_error_and_not_held_twice(tmp_path):
    with locked(tmp_path / "lock"), pytest.raises(BusyError), locked(tmp_path / "lock"):
        pass
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock"):
        raise ZeroDivisionError
    assert not (tmp_path / "lock").exists()
