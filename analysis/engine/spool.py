"""What is put by on disk until it is needed, so that memory does not grow with the faces."""

import pickle
from collections.abc import Hashable, Iterator
from tempfile import TemporaryFile, gettempdir

from iram.errors import InputError


class Spool:
    """A mapping whose values lie in a temporary file that no other process sees.

    A value is read anew each time. The file is gone with the spool, after a kill too. For one
    thread.

    Raises:
        InputError: there is no room for the file.

    Examples:
        >>> spool = Spool()
        >>> spool["map"] = [0.5, 1.0]
        >>> "map" in spool, spool["map"]
        (True, [0.5, 1.0])
    """

    def __init__(self):
        self._file = TemporaryFile()  # noqa: SIM115 - closed with the spool
        self._places: dict[Hashable, int] = {}

    def __setitem__(self, key: Hashable, value: object) -> None:
        try:
            place = self._file.seek(0, 2)
            pickle.dump(value, self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()  # so that no later call finds the disk full
        except OSError as error:
            raise InputError(f"cannot write a temporary file in {gettempdir()}: {error.strerror}; "
                             "TMPDIR can name a folder with more room") from error
        self._places[key] = place

    def __getitem__(self, key: Hashable):
        self._file.seek(self._places[key])
        return pickle.load(self._file)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._places)
