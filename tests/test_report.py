"""`iram report`: one page of everything, that needs nothing beside itself."""

import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
import small_results
from PIL import Image

from analysis.cli import main
from analysis.commands import report as command
from analysis.figures.latex import Number, PrintedTable
from analysis.figures.make import Results
from analysis.figures.registry import FIGURES, TABLES
from analysis.report import Section, render
from analysis.report.contents import Item, command_for
from analysis.store import write_table

CSS = Path(command.__file__).parents[1] / "report" / "page.css"
KEPT = ("shift/verdicts.csv", "shift/components.csv", "pose/summary.csv", "training/accuracy.csv")
PNG = "data:image/png;base64,"
READABLE = 4.5  # WCAG 2.2, AA


class Page(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder that holds a few of the tables."""
    folder = tmp_path_factory.mktemp("results")
    tables = small_results.tables()
    for name in KEPT:
        write_table(folder / name, tables[name])
    return folder


@pytest.fixture(scope="module")
def text(results):
    assert main(["report", "--results", str(results)]) == 0
    return (results / "report.html").read_text("utf-8")


def test_it_needs_no_network(text):
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "base")
        assert attributes.get("src", PNG).startswith(PNG)
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)


def test_every_figure_is_there_with_words_for_who_cannot_see_it(text):
    pictures = Page(text).all("img")
    assert len(pictures) == 4  # summary, attention_shift, accuracy_against_pose, module_differences
    for picture in pictures:
        png = Image.open(BytesIO(b64decode(picture["src"].partition(",")[2])))
        assert png.size == (int(picture["width"]), int(picture["height"]))
        assert len(picture["alt"]) > 40
    assert any("yaw (degrees" in one["alt"] and "accuracy (%)" in one["alt"] for one in pictures)


def test_the_verdicts_come_first_and_the_index_reaches_everything(text):
    assert text.index('id="table-verdicts"') < text.index("<nav") < text.index('id="occlusion"')
    page = Page(text)
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    links = [attributes["href"][1:] for attributes in page.all("a")]
    assert set(links) <= set(names)
    assert len([n for n in names if n.startswith(("figure-", "table-"))]) == len(FIGURES) + len(
        TABLES
    )


def test_what_is_missing_is_told_with_its_command(results, text, capsys):
    assert text.count("Missing: not there yet") == len(FIGURES) + len(TABLES) - 7
    assert f"iram example --face 3 --out {results}/example" in text


def test_equal_tables_give_equal_bytes(results, text, tmp_path):
    out = tmp_path / "again.html"
    assert main(["report", "--results", str(results), "--out", str(out)]) == 0
    assert out.read_bytes() == text.encode()


def test_a_page_too_large_is_drawn_again_more_coarsely(results, text, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "LARGEST", len(text) - 1)
    monkeypatch.setattr(command, "DPIS", (150, 70))
    out = tmp_path / "small.html"
    assert main(["report", "--results", str(results), "--out", str(out)]) == 0
    before, after = (Page(page).all("img")[0] for page in (text, out.read_text("utf-8")))
    assert int(after["width"]) == pytest.approx(int(before["width"]) * 70 / 150, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--results", "nosuch"], "no such folder"), (["--out", "page.pdf"], "web page"),
     (["--results", "."], "none of the study's tables")],
)  # fmt: skip
def test_mistakes_are_told(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    assert main(["report", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.html"))


def test_words_are_escaped_and_numbers_keep_their_intervals():
    table = PrintedTable(["a & b", "n"], [["<b>", Number(-1.25, -2, 3)], ["c", Number(2)]], "note")
    page = render([Section("verdicts", "T", "", [Item("x", "<i>", table=table)], "one < two")])
    for wanted in ("&lt;b&gt;", "a &amp; b", "&lt;i&gt;", "one &lt; two", "[−2.0, 3.0]"):
        assert wanted in page
    assert "<b>" not in page


def test_the_command_is_that_of_the_run_unless_another_one_made_the_table(tmp_path):
    (tmp_path / "pose").mkdir()
    run = '{"command": ["iram", "bench", "--data", "my faces", "--out", "x"]}'
    (tmp_path / "pose" / "run.json").write_text(run)
    results = Results(tmp_path)
    assert command_for(results, "pose/summary.csv") == "iram bench --data 'my faces' --out x"
    assert command_for(results, "pose/measured_yaw_heads.csv").startswith("iram landmarks ")
    assert command_for(results, "shift/verdicts.csv").startswith("iram shift ")


@pytest.mark.parametrize(("seeds", "warned"), [(1.0, True), (3.0, False)])
def test_one_training_seed_is_no_verdict(seeds, warned, tmp_path, monkeypatch):
    from analysis.report import contents

    table = pd.DataFrame({"seeds": [seeds, float("nan")]})
    write_table(tmp_path / "shift/verdicts.csv", table)
    assert bool(contents._caution(Results(tmp_path))) is warned


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_contrast(scheme):
    css = CSS.read_text("utf-8")
    colours = dict(
        re.findall(r"--(\w+): (#\w{6});", re.findall(r":root \{(.*?)\}", css, re.S)[scheme])
    )
    for ink in ("ink", "soft", "link", "yes", "no"):
        for paper in ("paper", "card", "caution"):
            low, high = sorted((luminance(colours[ink]), luminance(colours[paper])))
            assert (high + 0.05) / (low + 0.05) >= READABLE, (ink, paper)
