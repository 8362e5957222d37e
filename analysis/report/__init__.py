"""A folder of results as one web page: verdicts first, then every figure and table.

`contents.collect` draws what the results allow, `page.render` writes it as HTML. No model is
loaded.
"""

from analysis.report.contents import Section, collect
from analysis.report.page import render

__all__ = ["Section", "collect", "render"]
