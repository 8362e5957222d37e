"""Nets like those of ten similar works, built from what is public of them: one short file a work.

None of the ten has public code, and of most the abstract alone can be read. Each file begins with
what is known, what is guessed and the source, and says how near its net is: "after" (what is known
fixes the design) or "in the spirit of" (little more than the title is known). They are trained on
the same faces, by the same recipe and selection as the study's nets (grid "zoo"); widths and
epochs are such that a training takes about as long as that of the study's compact net, 20 to 30
minutes of one core.
"""

from iram.backbones import BACKBONES  # noqa: I001
from iram.zoo import (  # noqa: F401 (they register, in the order of the works)
    dual,
    mobile,
    plain,
    shallow,
    bidirectional,
    separable,
    siamese,
    ensemble,
    regional,
    crops,
)


def works() -> dict[str, str]:
    """{backbone: whose net it is like, and how near}, of those that are like one."""
    return {name: work for name in BACKBONES if (work := BACKBONES.about(name).work)}


__all__ = ["works"]
