"""`iram figures`: every figure and table from its tables alone, and what happens without them."""

import json
import os
import re
import shutil
import signal

import matplotlib.pyplot as plt
import pytest
import small_results
from matplotlib.text import Text

from analysis.commands.main import main
from analysis.figures import make, using
from analysis.figures.make import Results, draw
from analysis.figures.registry import FIGURES, TABLES, command_of
from iram.errors import InputError
from iram.files import sha256

VALUES = {  # figures of which there are several
    "accuracy_against_fraction": ("mean", "noise"), "importance": small_results.MODELS,
    "agreement": small_results.MODELS, "faithfulness_curves": small_results.MODELS,
    "interactions": small_results.MODELS, "covered": small_results.MODELS,
    "prototypes": ("zoo-bidirectional-seed0",), "streams": ("zoo-crops-seed0",),
    "attention_shift_by_fill": ("iram", "cbam"), "interventions": ("iram-seed0",),
}
OF = {f"{f.name}_{value}".removesuffix("_"): f for f in FIGURES
      for value in VALUES.get(f.name, ("",))}
NAMES = list(OF)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    small_results.write(folder)
    return folder


@pytest.fixture(scope="module")
def made(results, tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    assert main(["figures", "--results", str(results), "--format", "svg", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def displays(results):
    """Every display, plotted."""
    read = Results(results)
    found = {}
    for figure in FIGURES:
        tables = {name: read.read(name) for name in (*figure.tables, *figure.optional)}
        found |= {name: display.plot() for name, display in figure.displays(tables)}
    return found


def test_every_figure_and_table_is_made(made):
    assert {path.stem for path in made.glob("*.svg")} == set(NAMES)
    tables = {path.name for path in (made / "tables").iterdir()}
    assert tables == {f"{table.name}.{kind}" for table in TABLES for kind in ("tex", "csv")}


def test_a_second_run_gives_the_same_bytes(results, made, tmp_path):
    only = "summary,example,agreement,attention_shift,table-verdicts"
    arguments = ["figures", "--results", str(results), "--only", only, "--out", str(tmp_path)]
    assert main([*arguments, "--format", "svg"]) == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 2 + 2 + 1 + 2
    for path in written:
        assert path.read_bytes() == (made / path.relative_to(tmp_path)).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_text_is_text_and_the_file_tells_what_it_is_of(made, results, name):
    text = (made / f"{name}.svg").read_text()
    assert "<text" in text
    assert "DejaVuSans-" not in text  # letters as outlines are symbols of such names
    for table in OF[name].tables:
        assert f"{table} {sha256(results / table)[:12]}" in text


def test_pdfs_hold_their_fonts_as_type_42(results, tmp_path):
    arguments = ["--results", str(results), "--only", "measured_yaw", "--out", str(tmp_path)]
    assert main(["figures", *arguments, "--format", "pdf"]) == 0
    data = (tmp_path / "measured_yaw.pdf").read_bytes()
    assert b"/CIDFontType2" in data  # TrueType, embedded
    assert b"/Type3" not in data
    assert b"pose/measured_yaw_heads.csv" in data


def words(figure) -> list[Text]:
    """What is written in a figure, but for slanted words."""
    return [text for text in figure.findobj(Text) if text.get_visible()
            and text.get_text().strip() and text.get_rotation() % 90 == 0]


def hidden(figure) -> set[int]:
    """Labels of ticks that are beyond their axis, and so not drawn."""
    found = set()
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                found |= {id(tick.label1), id(tick.label2)}
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES)
def test_no_words_leave_the_figure_or_overlap(displays, name):
    figure = displays[name].figure_
    figure.draw_without_rendering()
    inside = figure.bbox.padded(1)
    boxes = [(text, text.get_window_extent()) for text in words(figure)]
    boxes = [(text, box) for text, box in boxes if id(text) not in hidden(figure)]
    for text, box in boxes:
        assert inside.contains(box.x0, box.y0), text
        assert inside.contains(box.x1, box.y1), text
    for place, (text, box) in enumerate(boxes):
        for other, beside in boxes[place + 1 :]:
            assert not box.padded(-1.5).overlaps(beside.padded(-1.5)), (text, other)


@pytest.mark.parametrize("name", NAMES)
def test_widths_are_those_of_one_or_two_columns(displays, name):
    width = displays[name].figure_.get_figwidth() * 25.4
    if name.startswith("agreement"):  # as many methods as there are
        assert width < 178.01
    else:
        assert min(abs(width - 85), abs(width - 178)) < 0.01


def test_on_a_screen_all_is_larger_and_the_layout_the_same(results):
    read = Results(results)
    figure = next(f for f in FIGURES if f.name == "measured_yaw")
    with using("screen"):
        large = figure.display(*map(read.read, figure.tables)).plot()
    small = figure.display(*map(read.read, figure.tables)).plot()
    assert large.figure_.get_figwidth() == pytest.approx(1.4 * small.figure_.get_figwidth())
    ratio = large.ax_.xaxis.label.get_fontsize() / small.ax_.xaxis.label.get_fontsize()
    assert ratio == pytest.approx(1.4)


def test_a_missing_table_names_its_command_and_the_rest_goes_on(results, tmp_path, capsys):
    shutil.copytree(results, tmp_path / "some")
    (tmp_path / "some" / "shift" / "interventions.csv").unlink()
    (tmp_path / "some" / "example" / "example.npz").unlink()
    (tmp_path / "some" / "shift" / "real.csv").write_text("model,faces\niram,all\n")
    names = "interventions,example,real_attention_shift,measured_yaw"
    out = tmp_path / "out"
    arguments = ["--results", str(tmp_path / "some"), "--only", names, "--out", str(out)]
    assert main(["figures", *arguments, "--format", "png"]) == 0
    told = capsys.readouterr().out
    assert "shift/interventions.csv does not exist, made by: iram shift " in told
    assert f"iram example --face 3 --out {tmp_path / 'some' / 'example'}" in told
    assert "lacks the columns type, region" in told
    assert [path.name for path in out.iterdir()] == ["measured_yaw.png"]


LACKING = {  # figures of which there is one for each value that a table has
    "accuracy_against_fraction": "no occluder at a fraction of the face in occlusion/summary.csv",
    "importance": "no occluder that has its random box (`box`) in occlusion/importance.csv",
    "agreement": "no model in attribution/agreement.csv",
    "faithfulness_curves": "no model in attribution/curves.csv",
    "attention_shift_by_fill": "no model whose attention can move in shift/by_fill.csv",
    "interventions": "no model whose attention was replaced in shift/interventions.csv",
}


def test_figures_of_an_earlier_table_do_not_stay_beside_the_new_one(tmp_path):
    tables = small_results.tables()
    importance, occluders = tables["occlusion/importance.csv"], tables["occlusion/occluders.csv"]
    given = {"occlusion/importance.csv": importance, "occlusion/occluders.csv": occluders}
    draw(given, tmp_path, "a run")
    assert {path.stem for path in tmp_path.iterdir()} == {
        "drop_by_occluder", "importance_iram-seed0", "importance_none-seed0"}
    (tmp_path / "mine.pdf").touch()
    given = {"occlusion/importance.csv": importance[importance["model"] == "none-seed0"],
             "occlusion/occluders.csv": occluders[:0]}
    draw(given, tmp_path, "another")
    assert {path.stem for path in tmp_path.iterdir()} == {"importance_none-seed0", "mine"}


def test_a_figure_that_can_not_be_written_is_no_figure_without_data(tmp_path):
    (tmp_path / "importance_none-seed0.png").mkdir()
    given = {"occlusion/importance.csv": small_results.tables()["occlusion/importance.csv"]}
    with pytest.raises(InputError, match=r"cannot write .*importance_none-seed0\.png"):
        draw(given, tmp_path, "a run")


@pytest.mark.exhaustive
def test_processes_draw_the_same_bytes_in_the_same_order_as_one(tmp_path, monkeypatch):
    tables = small_results.tables()
    given = {name: tables[name] for name in (
        "occlusion/importance.csv", "occlusion/occluders.csv", "occlusion/summary.csv",
        "occlusion/modules.csv")}
    names = []
    for cores in (1, 2):
        out = tmp_path / str(cores)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        with using("screen"):  # what was chosen here holds there
            names.append([path.name for path in draw(given, out, "a run")])
    assert names[0] == names[1]
    assert len(names[0]) > 6
    for name in names[0]:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    draw(given, tmp_path / "1", "a run")  # in the style of paper
    assert (tmp_path / "1" / name).read_bytes() != (tmp_path / "2" / name).read_bytes()


def test_what_a_process_that_dies_would_have_drawn_is_drawn_here(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    tables = small_results.tables()
    given = {name: tables[name] for name in (
        "occlusion/importance.csv", "occlusion/occluders.csv", "occlusion/summary.csv")}
    monkeypatch.setattr(make, "_of_tables", _DiesElsewhere(make._of_tables))
    files = draw(given, tmp_path, "a run")
    assert len(files) > 6
    assert all(path.is_file() for path in files)


class _DiesElsewhere:
    def __init__(self, own):
        self.own, self.process = own, os.getpid()

    def __call__(self, *task):
        if os.getpid() != self.process:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.own(*task)


@pytest.mark.exhaustive
def test_a_table_that_holds_nothing_to_draw_says_so(results, tmp_path, capsys):
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    for name in LACKING:
        table = tmp_path / next(f for f in FIGURES if f.name == name).tables[0]
        table.write_text(table.read_text("utf-8").partition("\n")[0] + "\n", "utf-8")
    arguments = ["--results", str(tmp_path), "--only", f"measured_yaw,{','.join(LACKING)}"]
    assert main(["figures", *arguments, "--format", "svg"]) == 0
    told = capsys.readouterr().out
    assert all(f"{name:36s}not made: {why}\n" in told for name, why in LACKING.items())
    assert main(["report", "--results", str(tmp_path), "--notebooks", "none"]) == 0
    told = capsys.readouterr().out
    assert all(f": {why}\n" in told for why in LACKING.values())


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("command", "part", "name", "other"),
    [
        ("bench", "occlusion", "drop_by_occluder", "mediation"),
        ("bench", "pose", "accuracy_against_pose", "mediation"),
        ("shift", "shift", "mediation", "drop_by_occluder"),
        ("attribute", "attribution", "agreement", "mediation"),
        ("study", "shift", "mediation", "drop_by_occluder"),
    ],
)
def test_the_folder_of_one_run_is_that_part(
    results, tmp_path, capsys, command, part, name, other
):
    run = tmp_path / (part if command == "study" else "mine")
    shutil.copytree(results / part, run)
    (run / "run.json").write_text(json.dumps({"command": ["iram", command, "--out", "x"]}))
    arguments = ["figures", "--results", str(run), "--format", "svg"]
    assert main([*arguments, "--only", f"{name},{other}"]) == 0
    assert list((run / "figures").glob(f"{name}*.svg"))
    told = capsys.readouterr().out
    table = next(f for f in FIGURES if f.name == other).tables[0]
    assert f"{table} is no table of this run, made by: iram " in told
    assert f"--out {tmp_path / table.split('/')[0]}\n" in told
    assert Results(run).command(f"{part}/x.csv").endswith(f" --out {run}")
    assert main(["report", "--results", str(run), "--notebooks", "none"]) == 0
    assert f"iram {command} --out x" in (run / "report.html").read_text("utf-8")


ODD = ["{", "[]", "{}", '{"command": ["iram"]}', '{"command": [1, 2]}', '{"command": [1, []]}']


@pytest.mark.parametrize("text", ODD)
def test_a_run_json_that_tells_no_part_is_passed_over(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    assert Results(tmp_path).parts == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "importanse"], "did you mean 'importance'"),
        (["--format", "jpg"], "unknown kind 'jpg'"),
        (["--format", ","], "names no kind"),
        (["--results", "/nowhere"], "no such folder"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(results, arguments, message, capsys):
    assert main(["figures", "--results", str(results), *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_folder_without_any_table_is_a_mistake(tmp_path, capsys):
    assert main(["figures", "--results", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "nothing could be made of it" in told.err
    assert told.out.count("not made: ") == len(FIGURES) + len(TABLES)
    assert not list(tmp_path.iterdir())


def test_the_list_tells_tables_and_commands(results, capsys):
    assert main(["figures", "--list"]) == 0
    told = capsys.readouterr().out
    for figure in FIGURES:
        assert re.search(rf"^{figure.name}$", told, re.MULTILINE)
    assert "    occlusion/real_synthetic.csv: iram bench" in told
    assert "--ran-lists ran_lists --out results/occlusion" in told
    assert not plt.get_fignums()


def test_every_table_has_a_command_of_the_command_line():
    from analysis.commands.main import COMMANDS

    for item in (*FIGURES, *TABLES):
        for name in (*item.tables, *item.optional):
            program, command, *rest = command_of(name, "r").split()
            assert (program, command in COMMANDS) == ("iram", True)
            assert rest[-1].startswith(f"r/{name.rpartition('/')[0]}")


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_part_of_a_table_is_drawn_or_what_lacks_is_told(results, figure):
    """One model alone, and measures that only some rows have."""
    read = Results(results)
    tables = {name: read.read(name) for name in (*figure.tables, *figure.optional)}
    for column in ("model", "metric", "name", "label"):
        some = {name: table[table[column] == table[column].iloc[0]]
                if column in getattr(table, "columns", ()) else table
                for name, table in tables.items()}
        told = ""
        try:
            for _, display in figure.displays(some):
                assert display.plot().axes_
        except InputError as error:
            told = str(error)
        assert re.match("no |this table holds no |$", told)
