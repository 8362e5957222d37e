"""Progress bars that suit a screen and a log file."""

import sys

from tqdm import tqdm


def progress_bar(*, shown: bool = True, **options) -> tqdm:
    """A bar on stderr; where that is no screen, a line every 30 s, as a log needs no moving bar."""
    every = 0.1 if sys.stderr.isatty() else 30
    return tqdm(disable=not shown, mininterval=every, **options)
