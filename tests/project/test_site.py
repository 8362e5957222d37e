"""The site: documents, gallery and API, without a warning."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="MkDocs is an extra: docs")
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    done = subprocess.run([sys.executable, "docs/site.py", str(folder)], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_every_document_is_a_page_with_a_place_in_the_menu(site):
    start = (site / "index.html").read_text("utf-8")
    for document in [*(ROOT / "docs").glob("*.md"), *ROOT.glob("[CS]*.md")]:
        page = document.relative_to(ROOT).with_suffix(".html")
        assert (site / page).is_file()
        assert f'href="{page}"' in start, f"{document} has no place in docs/site.py"


def test_every_figure_is_in_the_gallery(site):
    text = (site / "gallery.html").read_text("utf-8")
    for figure in (ROOT / "results" / "figures").glob("*.png"):
        assert f'src="results/figures/{figure.name}"' in text, figure.name
        assert (site / "results" / "figures" / figure.name).is_file()


def test_the_reference_has_every_public_name_with_its_docstring(site):
    text = (site / "api" / "iram.data.html").read_text("utf-8")
    assert 'id="iram.data.specs.open_dataset"' in text
    for module in (ROOT / "analysis" / "metrics").glob("[a-z]*.py"):
        page = (site / "api" / "analysis.metrics.html").read_text("utf-8")
        assert f'id="analysis.metrics.{module.stem}"' in page


def test_it_asks_nothing_of_the_network(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert "googleapis" not in text
        assert "unpkg.com" not in text
        assert 'src="http' not in text, page


def test_a_dead_link_is_an_error(tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "README.md").write_text("[gone](nowhere.md)")
    command = [sys.executable, "-m", "mkdocs", "build", "-f", str(tmp_path / "mkdocs.yml")]
    settings = (ROOT / "docs" / "mkdocs.yml").read_text("utf-8").replace("../build/", "")
    (tmp_path / "mkdocs.yml").write_text(settings)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "nowhere.md" in done.stderr
