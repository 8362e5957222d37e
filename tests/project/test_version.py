"""What the project says of itself in more than one place is the same there."""

import re
import tomllib
from pathlib import Path

import iram

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CITED = (ROOT / "CITATION.cff").read_text("utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def cited(key: str) -> str:
    return re.search(rf'^{key}: "?([^"\n]*)"?$', CITED, re.MULTILINE)[1]


def test_the_version_stands_in_the_package_and_is_cited():
    assert PROJECT["dynamic"] == ["version"]
    assert cited("version") == iram.__version__


def test_the_last_release_of_the_changelog_is_this_version():
    released = re.findall(r"^## (\d\S*)", CHANGELOG, re.MULTILINE)
    assert released[0] == iram.__version__


def test_authors_licence_keywords_and_paper_are_those_that_are_cited():
    authors = re.findall(r'- name: "(.*)"', CITED)
    assert [author["name"] for author in PROJECT["authors"]] == authors
    assert PROJECT["license"] == cited("license")
    assert PROJECT["keywords"] == re.findall(r"^  - ([a-z ]+)$", CITED, re.MULTILINE)
    doi = PROJECT["urls"]["Paper"].removeprefix("https://doi.org/")
    assert f"doi:{doi})" in cited("message")
