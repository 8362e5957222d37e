"""One face before and after an occluder, with the maps of both."""

from dataclasses import dataclass

from analysis.engine.example import Example
from analysis.figures.attention import show_face, show_map
from analysis.figures.display import Display
from analysis.figures.names import METHODS, condition_title, model_titles, title
from analysis.figures.style import DOUBLE_COLUMN

HEIGHT = 36  # mm a row


@dataclass
class ExamplePanel(Display):
    """Above the clean face, below the covered one: the picture, then a column per method, each with
    one scale for both rows, so that colours can be compared up and down. Signed maps are about 0
    and the more transparent the nearer to it. The white line is where the occluder is.

    Attributes:
        example: of `iram example`.
        methods: which of its maps; () is all.
    """

    example: Example
    methods: tuple[str, ...] = ()

    def _methods(self) -> list[str]:
        return [name for name in self.methods or self.example.maps if name in self.example.maps]

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 2 * HEIGHT + 18

    def draw(self, figure):
        methods, facts = self._methods(), self.example.facts
        grid = figure.subplots(2, 1 + len(methods), squeeze=False)
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.04, wspace=0.02, hspace=0.02)
        covered = condition_title(facts["occluder"], facts["fill"], facts["fraction"])
        for row, ax in enumerate(grid[:, 0]):
            show_face(ax, self.example.images[row])
            told = f"{facts['explained']} {100 * facts['probabilities'][row]:.0f}%"
            ax.set_title(f"{covered if row else 'clean'}\n{told}")
        for column, method in zip(grid[:, 1:].T, methods, strict=True):
            self._column(figure, column, method)
        figure.suptitle(f"{model_titles([facts['model']])[facts['model']]}: what speaks for "
                        f"“{facts['explained']}”")
        return list(grid.flat)

    def _column(self, figure, column, method: str) -> None:
        maps = self.example.maps[method]
        signed = method in self.example.facts["signed"]
        scale = (float(maps.min()), float(maps.max()))
        for row, ax in enumerate(column):
            show_face(ax, self.example.images[row])
            ends = show_map(ax, maps[row], signed, scale)
            if row:
                self._outline(ax)
        column[0].set_title(f"{title(method, METHODS)}\n{ends[0]} to {ends[1]}")

    def _outline(self, ax) -> None:
        if self.example.mask.any() and not self.example.mask.all():
            ax.contour(self.example.mask, levels=[0.5], colors="white", linewidths=0.8)
