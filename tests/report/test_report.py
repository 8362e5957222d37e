"""`iram report`: one page of everything, that needs nothing beside itself."""

import re
import sys
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import small_results
from browser import open_browser, sized
from PIL import Image

from analysis.commands import report as command
from analysis.commands.main import main
from analysis.engine.store import write_table
from analysis.figures.latex import Number, PrintedTable
from analysis.figures.make import Results
from analysis.figures.registry import FIGURES, TABLES
from analysis.report import Section, collect_notebooks, find_notebooks, render
from analysis.report.contents import Item, command_for
from iram.errors import InputError
from iram.extras import install_hint

CSS = Path(command.__file__).parents[1] / "figures" / "page.css"
KEPT = ("shift/verdicts.csv", "shift/strata.csv", "pose/summary.csv", "training/accuracy.csv")
PNG = "data:image/png;base64,"
DOT = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5E"
       "rkJggg==")  # one pixel
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
        assert attributes.get("href", "#").startswith(("#", "https:"))  # links load nothing
    assert not re.search(r"url\(|@import", text)


def test_every_figure_is_there_with_words_for_who_cannot_see_it(text):
    pictures = Page(text).all("img")
    # summary, attention_shift, by stage, accuracy_against_pose, module_differences
    assert len(pictures) == 5
    for picture in pictures:
        png = Image.open(BytesIO(b64decode(picture["src"].partition(",")[2])))
        assert png.size == (int(picture["width"]), int(picture["height"]))
        assert len(picture["alt"]) > 40
    assert any("yaw (degrees" in one["alt"] and "accuracy (%)" in one["alt"] for one in pictures)


def test_the_verdicts_come_first_and_the_index_reaches_everything(text):
    assert text.index('id="table-verdicts"') < text.index("<nav") < text.index('id="pose"')
    page = Page(text)
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    links = [one["href"][1:] for one in page.all("a") if one["href"].startswith("#")]
    assert set(links) <= set(names)
    shown = {n.partition("-")[2] for n in names if n.startswith(("figure-", "table-"))}
    parts = ("verdicts", "shift", "pose", "training")
    assert shown == {one.name for one in (*FIGURES, *TABLES)
                     if one.part in parts and not one.command}


def test_the_notebooks_are_told_in_words_and_lead_to_what_was_measured(text):
    page = Page(text)
    names = [one["id"] for one in page.all("article") if one["id"].startswith("notebook-")]
    assert names == [f"notebook-{path.stem}" for path in find_notebooks("prose")]
    assert len(names) >= 6
    links = {one["href"] for one in page.all("a")}
    assert {f"#{name}" for name in names} <= links
    led = [one["href"][1:] for one in page.all("a") if one["href"].startswith("#")]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert set(led) <= ids  # occlusion's figures, which are not here, are not linked
    own = Page(text[text.index('id="notebook-01_occlusion"') :].partition("</article>")[0])
    assert own.all("a") == []
    assert "The drop is the accuracy that this costs" in " ".join("".join(own.words).split())


def test_without_notebooks_there_are_none(results, tmp_path):
    out = tmp_path / "page.html"
    assert (
        main(["report", "--results", str(results), "--notebooks", "none", "--out", str(out)]) == 0
    )
    assert "notebook" not in out.read_text("utf-8").partition("</style>")[2]


def written(folder: Path, *cells: tuple[str, str]) -> Path:
    """A notebook of (kind, source)."""
    notebook = nbformat.v4.new_notebook()
    new = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    notebook.cells = [new[kind](source) for kind, source in cells]
    nbformat.write(notebook, folder / "09_own.ipynb")
    return folder


def test_notebooks_that_run_show_what_their_cells_give(tmp_path):
    cells = (
        ("markdown", "# Mine\n\nSee [it](00_tour.ipynb), <script>no</script>."),
        ("markdown", "## A part"),
        ("code", "import sys\nprint('1 < 2')\nprint('aside', file=sys.stderr)"),
        ("code", "from IPython.display import HTML, Image\n"
                 "HTML('<style>x</style><table><tr><td>7</td></tr></table>')"),
        ("code", f"import base64\nImage(data=base64.b64decode('{DOT}'))"),
    )
    [notebook] = collect_notebooks("run", written(tmp_path, *cells))
    kinds = [block.kind for block in notebook.blocks if block.kind not in ("prose", "code")]
    assert (notebook.title, kinds) == ("Mine", ["text", "table", "png"])
    text = render([Section("verdicts", "T", "", [])], [notebook])
    assert "<pre>1 &lt; 2\n</pre>" in text
    assert '<a href="#notebook-00_tour">it</a>, &lt;script&gt;' in text
    assert "<h4>A part</h4>" in text
    assert "<table><tr><td>7</td></tr></table></div>" in text
    assert "aside&#x27;, file" in text  # the code, but not what it tells whoever runs it
    assert ">aside" not in text
    [picture] = Page(text).all("img")
    assert (picture["width"], picture["height"]) == ("1", "1")
    assert picture["alt"].startswith("A part")


def test_a_notebook_that_fails_is_told(tmp_path):
    folder = written(tmp_path, ("markdown", "# Mine"), ("code", "1 / 0"))
    with pytest.raises(InputError, match=r"09_own\.ipynb: a cell fails with ZeroDivisionError"):
        collect_notebooks("run", folder)


def test_running_without_nbclient_says_what_to_install(results, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbclient", None)
    assert main(["report", "--results", str(results), "--notebooks", "run"]) == 2
    assert f"takes nbclient: `{install_hint('notebooks')}`" in capsys.readouterr().err


def test_nothing_is_wider_than_a_phone(text, tmp_path):
    browser = open_browser(tmp_path)
    try:
        path = tmp_path / "page.html"
        path.write_text(text, "utf-8")
        browser.get(path.as_uri())
        papers = set()
        for scheme in ("light", "dark"):
            sized(browser, 390, 844, scheme)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
            papers.add(browser.execute_script(
                "return getComputedStyle(document.body).backgroundColor"))
        assert papers == {"rgb(255, 255, 255)", "rgb(20, 23, 27)"}
    finally:
        browser.quit()


def test_of_a_part_that_is_there_what_is_missing_is_told_with_its_command(results, text):
    assert "Missing: not there yet" in text
    assert f"--ran-lists ran_lists --out {results}/shift</code>" in text
    assert "iram example" not in text  # a part of which nothing is there


def test_a_run_of_nets_from_outside_is_told_nothing_of_what_nobody_asked_for(tmp_path, capsys):
    tables, run = small_results.tables(), tmp_path / "mine"
    for name in ("summary", "occluders", "importance", "modules"):
        table = tables[f"occlusion/{name}.csv"]
        if name == "summary":  # no head is turned
            table = table[(table["yaw_deg"] == 0) & (table["pitch_deg"] == 0)]
            table = table[~table["condition"].str.startswith("yaw")]
        write_table(run / f"{name}.csv", table)
    write_table(run / "robustness.csv", tables["occlusion/robustness.csv"][:0])
    (run / "run.json").write_text('{"kind": "bench", "command": ["iram", "bench", "--data", "x"]}')
    assert main(["report", "--results", str(run), "--notebooks", "none"]) == 0
    page = (run / "report.html").read_text("utf-8")
    assert set(re.findall(r"<code>(iram [^<]*)", page)) == {"iram bench --data x"}
    for text in (page, capsys.readouterr().out):
        assert "iram" not in text.replace("iram bench --data x", "").replace("iram-seed0", "")
        assert "not there yet" not in text
    assert 'href="#occlusion">To the results' in page
    assert "turned heads" not in page
    assert 'id="pose"' not in page


def test_nets_of_unequal_clean_accuracy_are_told_where_they_are_compared(tmp_path):
    from analysis.report import contents

    table = small_results.tables()["occlusion/robustness.csv"]
    clean = table[:1].assign(kind="clean", metric="accuracy", p=0.001, difference=-0.1,
                             difference_low=-0.2, difference_high=-0.05)
    write_table(tmp_path / "occlusion/robustness.csv", pd.concat([table, clean]))
    told = contents._caution(Results(tmp_path), "occlusion")
    assert told.startswith("iram-seed0 differs from none-seed0 in clean accuracy by -10.0 [")
    write_table(tmp_path / "b/occlusion/robustness.csv", pd.concat([table, clean.assign(p=0.5)]))
    assert contents._caution(Results(tmp_path / "b"), "occlusion") == ""


def test_what_compares_with_another_net_is_left_out_with_the_command_that_makes_it_again(
    tmp_path, capsys
):
    for name in ("training/accuracy.csv", "occlusion/robustness.csv", "occlusion/summary.csv"):
        write_table(tmp_path / name, small_results.tables()[name])
    out = tmp_path / "page.html"
    ask = ["report", "--results", str(tmp_path), "--notebooks", "none", "--out", str(out)]
    assert main([*ask, "--reference", "none"]) == 0  # what they were made with
    alike = out.read_text("utf-8")
    assert main(ask) == 0
    assert out.read_text("utf-8") == alike
    assert "compared with" not in capsys.readouterr().out
    assert main([*ask, "--reference", "iram-seed0"]) == 0
    printed, page = capsys.readouterr().out, out.read_text("utf-8")
    assert "compared with none-seed0, not with iram-seed0" in printed
    assert re.search(r"iram bench [^\n]*--out [^\n]*--reference iram-seed0", printed)
    assert "--reference iram-seed0</code>" in page
    assert len(Page(page).all("img")) < len(Page(alike).all("img"))
    assert main([*ask, "--reference", "irma"]) == 2
    assert "--reference: unknown model of these results 'irma'" in capsys.readouterr().err


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
)
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
    assert bool(contents._caution(Results(tmp_path), "verdicts")) is warned


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
