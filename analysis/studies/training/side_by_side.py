"""Cells of a grid trained side by side, each by a process of its own with one thread of torch.

On a CPU two processes of one thread train more than one of two threads, and small nets leave most
of a GPU idle. Results do not depend on how many processes there are, but a net trained with one
thread is not bit for bit that of two: sums of floats depend on it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

from analysis.engine.parallel import Executor, shared
from iram.data.dataset import FaceDataset
from iram.lock import BusyError
from iram.progress import progress_bar
from iram.training.grids import Cell
from iram.training.ledger import epochs_done
from iram.training.train_grid import train_grid

POLL_SECONDS = 2


class _Common(NamedTuple):
    """What every worker is sent once."""

    dataset: FaceDataset
    out: Path
    device: str
    dtype: str


def train_side_by_side(
    cells: Sequence[Cell], dataset: FaceDataset, out: Path, workers: int, *,
    device: str, dtype: str = "auto", progress: bool = True,
) -> list[str]:
    """`train_grid` by this many processes; returns the names that diverged.

    If this process is killed outright, the others finish the cells that they are at, and hold
    their locks until then.

    Raises:
        InputError, BusyError: as `train_grid`; the cells that others are at are then lost from
            their last epoch on. Also if a worker process died.
    """
    common = _Common(dataset, Path(out), device, dtype)
    diverged, busy = [], []
    with _followed(cells, Path(out), progress):
        for names, error in shared(
            _train, common, cells, Executor("processes", workers), lambda result: None
        ):
            diverged += names
            busy += [error] if error else []
    if busy and len(busy) == len(cells):
        raise busy[0]
    return diverged


def _train(common: _Common, cell: Cell, advance) -> tuple[list[str], BusyError | None]:
    dataset, out, device, dtype = common
    try:
        return train_grid([cell], dataset, out, device=device, dtype=dtype, progress=False), None
    except BusyError as error:
        return [], error


@contextlib.contextmanager
def _followed(cells: Sequence[Cell], out: Path, shown: bool) -> Iterator[None]:
    """A bar of all epochs, read from the logs that the workers write."""
    total = sum(cell.epochs for cell in cells)
    stop = Event()

    def follow(bar) -> None:
        while not stop.wait(POLL_SECONDS):
            bar.update(sum(epochs_done(cell, out) for cell in cells) - bar.n)

    initial = sum(epochs_done(cell, out) for cell in cells)
    with progress_bar(shown=shown, total=total, initial=initial, unit="epoch") as bar:
        thread = Thread(target=follow, args=(bar,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            bar.update(sum(epochs_done(cell, out) for cell in cells) - bar.n)
