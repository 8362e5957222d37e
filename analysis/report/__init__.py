"""A folder of results as one web page: verdicts first, then every figure and table.

`contents.collect` draws what the results allow, `notebooks.collect_notebooks` reads (or runs) the
notebooks, `page.render` writes it as HTML. No model is loaded here.
"""

from analysis.report.contents import Section, collect
from analysis.report.notebooks import collect_notebooks, find_notebooks
from analysis.report.page import render

__all__ = ["Section", "collect", "collect_notebooks", "find_notebooks", "render"]
