"""Texts whose numbers come from tables."""

import pandas as pd
import pytest

from analysis.commands.main import main
from analysis.engine.store import write_table
from analysis.report.numbers import rendered
from iram.errors import InputError

TABLE = pd.DataFrame({
    "model": ["iram", "none", "none"], "fill": ["noise", "noise", "mean"],
    "value": [-0.0185, 0.25, 0.5], "low": [-0.0275, 0.2, 0.4], "high": [-0.013, 0.3, 0.6],
    "difference": [0.5, None, None], "difference_low": [0.4, None, None],
    "difference_high": [0.6, None, None], "extra": [1.0, 2.0, 3.0], "verdict": ["undecided"] * 3,
})


@pytest.fixture
def results(tmp_path):
    write_table(tmp_path / "results" / "shift" / "verdicts.csv", TABLE)
    return tmp_path / "results"


def written(text: str, results) -> str:
    template = results.parent / "text.md.j2"
    template.write_text(text.replace("T,", '"shift/verdicts.csv",'))
    return rendered(template, results)


@pytest.mark.parametrize(("call", "text"), [
    ('estimate(T, "value", "+.3f", model="iram")', "-0.018 [-0.028, -0.013]"),
    ('estimate(T, "difference", ".0%", model="iram")', "50 [40, 60]"),
    ('number(T, "value", ".1%", model="none", fill="mean")', "50.0"),
    ('number(T, "verdict", model="iram")', "undecided"),
    ('least(T, "value", ".2f", model=["iram", "none"])', "-0.02"),
    ('greatest(T, "value", ".2f", fill="noise")', "0.25"),
    ('total(T, "extra", ".0f")', "6"),
    ('count(T, where="value > 0.2")', "2"),
    ('rows(T, model="none") | map(attribute="fill") | join("+")', "noise+mean"),
    ('there("shift/verdicts.csv") and not there("zoo/nosuch.csv")', "True"),
    ('titles(["zoo-vgg", "iram"]).values() | join("+")', "small VGG+IRAM"),
    ('"%.1f" | format(2 * value(T, "extra", model="iram"))', "2.0"),
])
def test_a_call_gives_what_the_table_holds(call, text, results):
    assert written(f"it is {{{{ {call} }}}}.\n", results) == f"it is {text}.\n"


@pytest.mark.parametrize(("call", "told"), [
    ('number(T, "value", ".1f", model="none")', "2 rows of model=none; one is meant"),
    ('number(T, "value", ".1f", model="cbam")', "0 rows of model=cbam; one is meant"),
    ('number(T, "value", ".1f", seed=1)', "no column seed"),
    ('number(T, "worth", ".1f", model="iram")', "no worth of iram"),
    ('estimate(T, "extra", ".1f", model="iram")', "no extra_low"),  # low and high are value's
    ('number(T, "difference", ".1f", fill="mean")', "no difference of none, mean"),
    ('least(T, "value", ".1f", model="cbam")', "no value of model=cbam"),
    ('number("shift/nothing.csv", "value")', "iram shift"),
    ('nonsense(T, "value")', "'nonsense' is undefined"),
    ('number(', "unexpected"),
])
def test_what_the_tables_do_not_hold_is_told_and_no_text_is_made(call, told, results):
    with pytest.raises(InputError) as error:
        written(f"{{{{ {call} }}}}", results)
    assert told in str(error.value)
    assert "text.md.j2" in str(error.value)


def test_the_command_writes_a_text_of_your_own(results, capsys):
    template = results.parent / "paper.tex.j2"
    template.write_text('It is {{ number("shift/verdicts.csv", "verdict", model="iram") }}.\n')
    out = results.parent / "paper.tex"
    command = ["report", "--results", str(results), "--template", str(template)]
    assert main([*command, "--out", str(out)]) == 0
    assert out.read_text() == "It is undecided.\n"
    assert main(command) == 2
    assert "--out FILE" in capsys.readouterr().err
    template.unlink()
    assert main([*command, "--out", str(out)]) == 2
    assert "paper.tex.j2" in capsys.readouterr().err
    assert out.read_text() == "It is undecided.\n"


def test_words_that_hang_on_a_number_are_refused_once_it_says_otherwise(results):
    call = '{{{{ so(value(T, "value", model="iram") {} 0, "it falls") }}}}it falls'
    assert written(call.format("<"), results) == "it falls"
    with pytest.raises(InputError, match="the tables do not say so: it falls"):
        written(call.format(">"), results)
