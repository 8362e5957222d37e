"""Letters that the figures' own font lacks, as in class folders named in Chinese: drawn in an
installed font that has them; where none has, written as escapes (\\u4e2d), and told once."""

import warnings
from functools import cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

OWN = "DejaVu Sans"
NO_FONTS = ("Last Resort",)  # draws boxes for every letter
_told: set[str] = set()


def fit_letters(figure: Figure) -> None:
    """Gives each text of a figure, before it is laid out, fonts that have its letters."""
    axes = [axis for one in figure.axes for axis in (one.xaxis, one.yaxis)]
    for axis in axes:
        axis.get_ticklabels()  # writes the labels, which else are written as they are drawn
    every = figure.findobj(Text)
    for text in every:
        if "$" in text.get_text() and not text.get_text().startswith("$\\math"):
            text.set_parse_math(False)  # part of a name; matplotlib's own labels are formulas
    texts = [text for text in every if _foreign(text.get_text())]
    if not texts:
        return
    letters = frozenset(letter for text in texts for letter in _foreign(text.get_text()))
    fonts, absent = _fonts_with(letters)
    for text in texts:
        text.set_fontfamily([OWN, *fonts])
    if absent:
        for axis in axes:
            labels = [label.get_text() for label in axis.get_ticklabels()]
            if any(absent & set(label) for label in labels):
                axis.set_ticks(axis.get_ticklocs(), [_escaped(label, absent) for label in labels])
        for text in texts:
            text.set_text(_escaped(text.get_text(), absent))
        _tell(absent)


def _foreign(text: str) -> set[str]:
    """The printable letters of a text that the figures' own font lacks."""
    own = _charmap(font_manager.findfont(OWN))
    return {letter for letter in text if ord(letter) not in own and letter.isprintable()}


def _escaped(text: str, absent: set[str]) -> str:
    return "".join(letter.encode("unicode_escape").decode() if letter in absent else letter
                   for letter in text)


def _tell(absent: set[str]) -> None:
    new = sorted(absent - _told)
    if new and not _told:
        warnings.warn(
            f"no installed font has the letters {''.join(new)}; figures write them as escapes, "
            f"such as {_escaped(new[0], absent)}: install one that has them (such as Noto Sans)",
            stacklevel=4,
        )
    _told.update(new)


@cache
def _fonts_with(letters: frozenset[str]) -> tuple[list[str], set[str]]:
    """Names of few installed fonts that have these letters together, and the letters that none
    has."""
    absent, chosen = set(letters), []
    known = {font.name: font.fname for font in font_manager.fontManager.ttflist
             if font.style == "normal" and not font.name.startswith(NO_FONTS)}
    have = {name: {letter for letter in letters if ord(letter) in _charmap(file)}
            for name, file in sorted(known.items())}
    while absent:
        name = max(have, key=lambda name: len(have[name] & absent))
        if not have[name] & absent:
            break
        chosen.append(name)
        absent -= have[name]
    return chosen, absent


@cache
def _charmap(file: str) -> frozenset[int]:
    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):  # a font that can't be read has no letters
        return frozenset()
