"""The explorer in a notebook: an object that shows itself."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from analysis.explorer.offer import open_offer
from analysis.explorer.server import Server


class Explorer:
    """An explorer that a notebook shows as a cell's result, served by the kernel itself.

    The browser has to run where the kernel does, or reach its port (`ssh -L`). The server ends
    with the kernel, or with `close`.

    Args:
        data: specification of a data set, or None for rendered heads alone.
        models: names or files of models; none for all that are shipped.
        split, landmarks: see `open_offer`.
        height: of the frame, in pixels.

    Attributes:
        url: its address, with the token, to open it in a tab of its own.
    """

    def __init__(
        self, data: str | None = None, models: Sequence[str] = (), *, split: str | None = "test",
        landmarks: Path | None = None, height: int = 860,
    ):
        self.height = height
        self._server = Server(open_offer(data, models, split, landmarks), framed=True).start()

    @property
    def url(self) -> str:
        return self._server.url

    def close(self) -> None:
        """Ends the server; the frame then shows nothing new."""
        self._server.stop()

    def _repr_html_(self) -> str:
        return (f'<iframe src="{escape(self.url)}" title="IRAM explorer" width="100%" '
                f'height="{self.height}" style="border: 0"></iframe>')

    def __repr__(self) -> str:
        return f"Explorer at {self.url}"
