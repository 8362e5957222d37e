"""The one error that a user can cause."""

import re


class InputError(ValueError):
    """The user's mistake: the message names the file, the value and what would be right.

    The command line prints the message alone (no traceback) and exits with code 2. It is one line,
    whatever a value from a file holds.
    """

    def __str__(self) -> str:
        return re.sub(r"\s*[\r\n]\s*", " ", super().__str__())


class NotWrittenError(InputError):
    """A place that can't be written to, or a disk that is full."""


def one_line(error: BaseException, most: int = 300) -> str:
    """What another's error says, in one line of `most` letters; "" where to say it fails as well,
    as in an exception of a user's own kind."""
    try:
        text = str(error)
    except Exception:
        return ""
    return f"{' '.join(text.split()):.{most}}"


def listing(names, limit: int = 12) -> str:
    """The names in one line, joined; past `limit` only their number is given."""
    names = [" ".join(str(name).split()) for name in names]
    shown = ", ".join(names[:limit])
    return shown + (f", … ({len(names)} in all)" if len(names) > limit else "")
