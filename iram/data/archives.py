"""Text files as they are handed out: plain, or packed by gzip, xz, bzip2, zip or tar (also within
one of the first three)."""

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from iram.data.images import absent
from iram.errors import InputError, listing
from iram.files import check_regular

LONGEST_LINE = 1 << 20  # characters; an image row has 9 thousand
DAMAGED = (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile,
           tarfile.TarError)
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as Excel and PowerShell may save
UNREAD = {b"7z\xbc\xaf": "7z", b"Rar!": "RAR", b"(\xb5/\xfd": "Zstandard",
          b"\x1f\x9d": "compress (.Z)", b"]\0\0": "LZMA (.lzma)"}
AS_CSV = "which is not read; save it as CSV"
TABLES = {b"PAR1": "parquet", b"ARROW1": "feather", b"ORC": "orc", b"\x89HDF": "hdf",
          b"\xd0\xcf\x11\xe0": "excel", b"\x80\x03": "pickle", b"\x80\x04": "pickle",
          b"\x80\x05": "pickle"}
"""{a file's first bytes: the reader of pandas that takes it}."""
GZIP, XZ, BZIP2 = b"\x1f\x8b", b"\xfd7zXZ", b"BZh"
PACKED = (GZIP, XZ, BZIP2, b"PK\3\4", *UNREAD)


@contextlib.contextmanager
def text_lines(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a text file, unpacked on the way; how it is packed is read off its first bytes.

    Raises:
        InputError: the file is missing, no text, or damaged; a zip or tar without exactly one CSV.
    """
    lines = _Lines(path)
    try:
        check_regular(path)
        with open(path, "rb") as file, _unpacked(path, file) as stream:
            head = stream.read(2)
            stream.seek(0)
            encoding = "utf-16" if head in UTF16 else "utf-8-sig"
            text = io.TextIOWrapper(stream, encoding=encoding, newline="")
            yield lines.read(text)
    except FileNotFoundError:
        raise InputError(absent(path)) from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a CSV file is needed here") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no CSV: it is not text ({error.reason})") from None
    except DAMAGED as error:
        raise InputError(f"{path} is damaged after line {lines.count}: {error}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None


class _Lines:
    """Counts the lines it hands on, so that an error can say how far a file was whole."""

    def __init__(self, path: Path):
        self.path, self.count = path, 0

    def read(self, text: io.TextIOWrapper) -> Iterator[str]:
        while line := text.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise InputError(f"{self.path} line {self.count + 1} is too long for a CSV")
            if "\0" in line:
                raise InputError(f"{self.path} line {self.count + 1} is no text (it has zero "
                                 "bytes); save it as UTF-8")
            self.count += 1
            yield line


@contextlib.contextmanager
def _unpacked(path: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    head = file.read(8)
    file.seek(0)
    if head.startswith(b"PK"):
        with _zip_member(path, file) as member:
            yield member
        return
    if kind := next((kind for start, kind in UNREAD.items() if head.startswith(start)), None):
        raise InputError(f"{path} is a {kind} archive, which is not read; unpack it")
    kind = next((kind for start, kind in TABLES.items() if head.startswith(start)), None)
    if kind and not head.decode("latin-1").isprintable():  # a CSV may begin with these letters
        raise InputError(f"{path} is a table of another kind ({kind}), {AS_CSV} (in Python: "
                         f"pandas.read_{kind}(...).to_csv('NAME.csv', index=False))")
    with _decompressed(head, file) as stream:
        block = stream.read(tarfile.BLOCKSIZE)
        begins_as_tar = _is_tar(block)
        if head.startswith(PACKED) and block.startswith(PACKED) and not begins_as_tar:
            raise InputError(f"{path} is packed twice, which is not read; unpack it once")
        stream.seek(0)
        if not begins_as_tar:
            yield stream
            return
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            names = [member.name for member in archive if member.isfile()]
            member = archive.extractfile(_table(path, names))
            yield member
            if not member.read(1):  # read whole: the checksum stands after the archive's end
                while stream.read(1 << 20):
                    pass


def _is_tar(block: bytes) -> bool:
    """Whether a file begins as a tar: by the header's checksum, as old ones have no "ustar"."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.EmptyHeaderError:  # an empty file, else
        return False
    except tarfile.EOFHeaderError:  # an archive without members is a block of zeros
        return True
    except tarfile.HeaderError:
        return False
    return True


def _decompressed(head: bytes, file: IO[bytes]) -> contextlib.AbstractContextManager[IO[bytes]]:
    if head.startswith(GZIP):
        return gzip.open(file)
    if head.startswith(XZ):
        return lzma.open(file)
    if head.startswith(BZIP2):
        return bz2.open(file)
    return contextlib.nullcontext(file)


@contextlib.contextmanager
def _zip_member(path: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The one CSV in a zip; nothing is written to disk."""
    try:
        with (zipfile.ZipFile(file) as archive,
              archive.open(_table(path, archive.namelist())) as member):
            yield member
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or of an odd kind
        raise InputError(f"{path} cannot be unpacked: {error}") from None


def _table(path: Path, members: list[str]) -> str:
    """The name of the one CSV in an archive; macOS's `._` copies don't count."""
    names = [name for name in members
             if not name.startswith("__MACOSX/") and not PurePosixPath(name).name.startswith("._")]
    for name in names:
        if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise InputError(f"{path}: refused, its member '{name}' points outside the archive")
    if "xl/workbook.xml" in names:
        raise InputError(f"{path} is an Excel workbook, {AS_CSV}")
    tables = [name for name in names if name.lower().endswith(".csv")]
    if len(tables) > 1:
        raise InputError(f"{path} must hold one CSV and holds several: {listing(tables)}; unpack "
                         "the right one")
    if not tables:
        held = [name for name in names if not name.endswith("/")]
        raise InputError(f"{path} must hold one CSV and holds none: {listing(held, 3) or 'nothing'}"
                         + "; unpack it and name what is in it" * bool(held))
    return tables[0]
