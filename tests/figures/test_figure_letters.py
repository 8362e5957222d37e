"""Letters that the figures' own font lacks."""

import warnings

import matplotlib.pyplot as plt
import pytest
from matplotlib import font_manager

from analysis.figures import letters, save, style
from analysis.figures.letters import _charmap, fit_letters


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch):
    monkeypatch.setattr(letters, "_told", set())


def drawn(names):
    figure = style.new_figure(80, 60)
    axis = figure.subplots()
    axis.barh(range(len(names)), [1] * len(names), label=names[0])
    axis.set_yticks(range(len(names)), names)
    axis.set_title(names[0])
    axis.legend()
    return figure


def texts(figure):
    figure.draw_without_rendering()
    axis = figure.axes[0]
    return [axis.get_title(), axis.get_legend().get_texts()[0].get_text(),
            *(label.get_text() for label in axis.get_yticklabels())]


def test_a_letter_of_another_installed_font_is_drawn_by_it(recwarn):
    own, other = (_charmap(font_manager.findfont(name)) for name in ("DejaVu Sans", "STIXGeneral"))
    name = chr(min(code for code in other - own if chr(code).isprintable()))
    figure = drawn([name, "happy"])
    fit_letters(figure)
    assert texts(figure) == [name, name, name, "happy"]
    assert not recwarn.list
    plt.close(figure)


def test_letters_that_no_font_has_are_escaped_and_told_once(tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(letters, "_fonts_with", lambda wanted: ([], set(wanted)))
    for number in range(2):
        figure = drawn(["\u4e2d\u6027", "happy"])
        save(figure, tmp_path / f"{number}.png", "a test")
        assert texts(figure) == [r"\u4e2d\u6027"] * 3 + ["happy"]
        plt.close(figure)
    [told] = recwarn.list
    assert "no installed font has the letters" in str(told.message)


@pytest.mark.parametrize("name", ["$x$", "a_$b_$c", r"$\nosuch$", "5$"])
def test_names_with_dollars_are_no_formulas(name, recwarn, tmp_path):
    figure = drawn([name, "happy"])
    save(figure, tmp_path / "a.png", "a test")
    assert texts(figure) == [name, name, name, "happy"]
    assert not any(text.get_parse_math() for text in figure.axes[0].get_yticklabels()[:1])
    assert figure.axes[0].xaxis.label.get_parse_math()
    plt.close(figure)


def test_usual_letters_are_left_as_they_are():
    figure = drawn(["happy", "fröhlich ✔"])
    family = figure.axes[0].title.get_fontfamily()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_letters(figure)
    assert figure.axes[0].title.get_fontfamily() == family
    plt.close(figure)
