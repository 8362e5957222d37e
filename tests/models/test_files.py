"""Files: whole or not at all."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from iram import InputError, files
from iram.files import atomic_path, located, sha256, sweep, write_text


def test_a_file_appears_only_when_the_block_has_ended_well(tmp_path):
    path = tmp_path / "new" / "folder" / "x.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent, "a rename is atomic only within a folder"
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_earlier_file_is_untouched(tmp_path, error):
    def write_half():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error

    path = tmp_path / "x.txt"
    path.write_text("earlier")
    with pytest.raises(error):
        write_half()
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_an_input_error_with_the_path_and_the_reason(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*file/x.txt: "):
        write_text(tmp_path / "file" / "x.txt", "")
    with pytest.raises(InputError, match=r"cannot write .*folder: Is a directory"):
        write_text(tmp_path / "folder", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_full_disk_is_told_whatever_a_library_makes_of_it(tmp_path):
    """A PDF's writer, for one, raises AttributeError as it closes what it could not write."""

    def write():
        with atomic_path(tmp_path / "x.pdf"):
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            finally:
                None.close()

    with pytest.raises(InputError, match=r"cannot write .*x.pdf: No space left on device"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_text_is_utf8_with_unix_line_ends_and_the_usual_permissions(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "é\n…")
    assert path.read_bytes() == "é\n…".encode()
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_the_hash_is_of_the_bytes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 100_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_what_a_killed_process_left_half_written_is_swept_and_nothing_else(tmp_path):
    script = (
        "import os, signal; from iram.files import atomic_path\n"
        f"with atomic_path({str(tmp_path / 'deep' / 'x.txt')!r}) as path:\n"
        "    path.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[2])
    elsewhere = tmp_path / ".y.txt.z.@00000000-1.tmp"  # of another machine
    elsewhere.write_text("half")
    assert len(list(tmp_path.rglob(".*.tmp"))) == 2
    with atomic_path(tmp_path / "mine.txt") as path:  # of a process that runs
        path.write_text("whole")
        sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [
        elsewhere.name, "mine.txt",
    ]


def test_a_url_is_written_as_a_path_is_and_a_failed_write_leaves_what_was_there(tmp_path):
    assert located(str(tmp_path)) == tmp_path
    folder = located(f"file://{tmp_path}/deep")
    write_text(folder / "a.txt", "first\n")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"first\n"
    with pytest.raises(UnicodeEncodeError):
        write_text(folder / "a.txt", "half, and then \ud800")
    assert [(one.name, one.read_text()) for one in (tmp_path / "deep").iterdir()] == [
        ("a.txt", "first\n")
    ]
    assert sha256(folder / "a.txt") == sha256(tmp_path / "deep" / "a.txt")


def test_what_a_killed_process_had_sent_to_a_store_by_half_is_swept():
    folder = located("memory://swept/run")
    dead = subprocess.Popen(["true"])
    dead.wait()
    mine = files._suffix().replace(str(os.getpid()), str(dead.pid))
    for name in (f".a.csv.{mine}", "a.csv", f".b.csv.{files._suffix()}"):
        (folder / name).write_text("x")
    sweep(folder)
    assert sorted(one.name for one in folder.iterdir()) == [f".b.csv.{files._suffix()}", "a.csv"]


def test_a_link_stays_and_what_it_points_at_is_written(tmp_path):
    (tmp_path / "link.txt").symlink_to(tmp_path / "there" / "file.txt")
    write_text(tmp_path / "link.txt", "first\n")  # it dangled
    write_text(tmp_path / "link.txt", "second\n")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "there" / "file.txt").read_text() == "second\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        write_text(tmp_path / "pipe", "through\n")
        assert reader.stdout.read() == b"through\n"
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("kind", ["file", "dangling", "loop"])
def test_what_stands_in_a_folders_place_is_named(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(place if kind == "loop" else tmp_path / "nowhere" / "else")
    told = "Too many levels|is no folder" if kind == "loop" else r"place is no folder$"
    with pytest.raises(InputError, match=told):
        write_text(place / "table.csv", "x")
    if kind == "loop":
        with pytest.raises(InputError, match="Too many levels"):
            write_text(place, "x")
