"""README, docs/ and results/README.md: their numbers, links and commands."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from analysis.commands import main as cli
from analysis.engine.faces import of_all_faces
from analysis.engine.store import read_table
from analysis.report.numbers import rendered

ROOT = Path(__file__).parents[2]
RESULTS, TEMPLATES = ROOT / "results", ROOT / "docs" / "templates"
MADE = sorted(path.relative_to(TEMPLATES) for path in TEMPLATES.rglob("*.j2"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), RESULTS / "README.md",
                    ROOT / "examples" / "README.md", ROOT / "iram" / "pretrained" / "README.md"])
LARGEST = 8000  # bytes of README.md: what is read before a stranger decides
SETTINGS = (  # numbers that no table gives, since nobody measured them
    r"95% (?:Wilson )?intervals",  # the level of every interval
    r"Python 3\.11|torch 2\.\d+",
    r"10, 30 and 50% of the face|At 30% in mean gray",  # conditions of the benchmark
    r"turned over (30|45) degrees",  # the lists of turned faces
    r"100 is as much|below 100 is better|\| 100 \|",  # the reference, by definition
    r"\(1 \+ map\)",
    r"et al\. \(2017\)|IJCNN 2021|doi:[\d./A-Z]+",
    r"every interval holds 0",
    r"goal of 73\.3%|200 epochs|12 epochs",  # settings of trainings
    r"of seed 0 alone",
    r"at least 1 point when|interval above 0",  # of a rule
)
NAMES = r"[A-Za-z][\w-]*\d[\w.]*|\d+x\d+"  # FER2013, H2d, ResNet-18
CALL = re.compile(r"{{.*?}}|{%.*?%}|{#.*?#}", re.DOTALL)
NO_PROSE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)\s]*\)|<!--.*?-->", re.DOTALL)


def typed_numbers(template: str) -> list[str]:
    """The numbers of a template that come from no call and are no setting."""
    prose = NO_PROSE.sub(" ", CALL.sub(" ", template))
    for known in (*SETTINGS, NAMES):
        prose = re.sub(known, " ", prose)
    return re.findall(r"\S*\d\S*", prose)


@pytest.mark.parametrize("name", MADE, ids=str)
def test_a_document_is_what_its_template_and_the_tables_give(name):
    target = ROOT / str(name).removesuffix(".j2")
    text = rendered(TEMPLATES / name, RESULTS)
    assert text == target.read_text("utf-8"), f"{target} is out of date: make numbers"


def test_the_paper_is_set_with_every_work_that_it_cites(tmp_path):
    typst = pytest.importorskip("typst", reason="Typst is an extra: docs")
    source, listed = ((ROOT / "paper" / name).read_text("utf-8")
                      for name in ("paper.typ", "references.bib"))
    cited = set(re.findall(r"(?<!\w)@(\w+)", source))
    assert cited == set(re.findall(r"^@\w+{(\w+),", listed, re.MULTILINE))
    typst.compile(str(ROOT / "paper" / "paper.typ"), str(tmp_path / "paper.pdf"), root=str(ROOT))
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", MADE, ids=str)
def test_no_number_of_a_result_is_typed(name):
    text = (TEMPLATES / name).read_text("utf-8")
    assert not typed_numbers(text)
    assert not [call for call in re.findall(r"{{(.*?)}}", text, re.DOTALL) if "(" not in call
                and re.search(r"\d", call)]


def test_a_typed_number_is_found():
    assert typed_numbers("it loses 9.7 points, {{ number('x', '3') }}, on FER2013") == ["9.7"]
    assert typed_numbers("+0.3% of `--limit 3`, 95% intervals") == ["+0.3%"]


def test_the_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= LARGEST


def test_what_the_findings_say_in_words_is_what_the_tables_say():
    first = RESULTS / "shift" / "first_seeds"
    for folder in (first, first.parent):
        assert not (read_table(folder / "verdicts.csv")["verdict"] == "supported").any()
    loss = of_all_faces(read_table(first / "mediation.csv"))
    loss = loss[(loss["outcome"] == "accuracy")].set_index(["model", "effect", "fill"])["value"]
    for fill in ("mean", "noise"):  # "more than halves"
        taught = loss["iram-erasing-occluders", "total", fill]
        assert abs(taught) < abs(loss["iram", "total", fill]) / 2
    saved = loss.xs("indirect", level="effect")
    assert saved.idxmax() == ("iram", "noise")  # "the most that the movement saves"
    fills = of_all_faces(read_table(first / "by_fill.csv"))
    fills = fills[(fills["layer"] == "all") & (fills["patch"] == "covers")]
    fills = fills[(fills["occluder"] == "all") & fills["fill"].isin(["mean", "object"])]
    movable = fills["model"].str.fullmatch("iram|cbam|iram-erasing-.*")
    assert not (fills[movable]["shows"] == "leaves").any()  # "no attention leaves mean gray"
    painted = read_table(RESULTS / "occlusion" / "real_synthetic.csv")
    painted = painted[(painted["labels"] == "own") & (painted["occluder"] == "spectacles")]
    assert (painted["difference_low"] < 0).all()  # "every interval holds 0"
    assert (painted["difference_high"] > 0).all()
    modules = read_table(RESULTS / "training" / "accuracy.csv")
    assert (modules["p_holm"].dropna() > 0.05).all()  # "no measurable difference", copies or not
    switches = read_table(RESULTS / "training" / "ablation.csv")
    worse = switches[switches["p_holm"] < 0.05]  # "features times (1 + map) alone, each time"
    assert worse["label"].tolist() == ["iram-fusion-residual"] * 3
    copied = read_table(RESULTS / "training" / "copies.csv").set_index(["faces", "label"])
    known = copied.loc["copies labelled otherwise", "difference_low"] > 0
    told = known[["none", "iram", "cbam", "iram-random-labels"]].tolist()
    assert told == [False, False, True, False]


def test_every_command_has_its_line_in_the_readme():
    told = [line.split()[1] for line in commands(ROOT / "README.md")]
    assert set(told) >= set(cli.COMMANDS)


def links(document: Path) -> list[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text("utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    for link in links(document):
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def parsed(arguments: list[str]):
    """What the command would do: SystemExit where it does not know an option or a value."""
    return cli.command_parser(arguments).parse_args(arguments)


def commands(document: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("iram ")]


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if commands(path)],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_document_is_understood(document):
    for line in commands(document):
        line = line.replace("s3://bucket", "runs")  # a store needs a package of its own
        parsed(shlex.split(line, comments=True)[1:])


@pytest.fixture
def stand_in(tmp_path):
    """An environment in which `iram` only writes down what it is asked."""
    program = tmp_path / "iram"
    program.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >> "$ASKED"\n'
                       'echo >> "$ASKED"\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "ASKED": str(tmp_path / "asked")}


SCRIPTS = sorted((RESULTS / "commands").glob("*.sh"))


def asked(script: Path, stand_in: dict) -> list[list[str]]:
    """What a script asks of the command, with its own defaults."""
    subprocess.run(["sh", script], env=stand_in, check=True)
    written = Path(stand_in["ASKED"])
    text = written.read_text("utf-8").strip("\n")
    written.unlink()
    return [one.split("\n") for one in text.split("\n\n")]


def meant(arguments: list[str]) -> dict:
    """The options that decide what is measured; lists of names in any order."""
    found = {name: set(value.split(",")) if isinstance(value, str) else value
             for name, value in vars(parsed(arguments)).items()}
    return {name: value for name, value in found.items()
            if name not in ("out", "run", "workers", "batch_size", "executor", "reference")}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_of_a_result_is_understood(script, stand_in):
    assert os.access(script, os.X_OK)
    for command in asked(script, {**stand_in, "OUT": "elsewhere"}):
        assert "elsewhere" in str(vars(parsed(command))) or command[0] == "train"
    assert f"[{script.name}](commands/{script.name})" in (RESULTS / "README.md").read_text("utf-8")


def test_every_run_kept_here_was_made_as_its_script_says(stand_in):
    known = [meant(one) for script in SCRIPTS for one in asked(script, stand_in)]
    runs = sorted(RESULTS.rglob("run.json"))
    assert runs
    for run in runs:
        record = json.loads(run.read_text("utf-8"))
        made = meant(record["command"][1:])
        if "dtype" in made:  # what `auto`, or an older default, came to
            made["dtype"] = {record["identity"]["dtype"]}
        if "backend" in made:
            made["backend"] = {record["identity"].get("backend", "eager")}
        assert made in known, run


def test_the_code_of_the_architecture_runs():
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(),
                        re.DOTALL)
    names = {}
    exec(code, names)
    assert names["logits"].shape == names["trace"].logits.shape
    assert not names["logits"].equal(names["trace"].logits)  # attention without a place differs
