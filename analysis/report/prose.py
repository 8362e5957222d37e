"""Markdown as HTML for the report."""

from html import escape
from pathlib import PurePosixPath

from mistune import HTMLRenderer, create_markdown

DEEPER = 2  # levels that headings stand below those of the page


class _Renderer(HTMLRenderer):
    """HTML in the text is escaped, pictures are left out, and other notebooks are on this page."""

    def heading(self, text: str, level: int, **attributes) -> str:
        level = min(level + DEEPER, 6)
        return f"<h{level}>{text}</h{level}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        path = PurePosixPath(url)
        return super().link(text, f"#notebook-{path.stem}" if path.suffix == ".ipynb" else url)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return escape(text)


as_html = create_markdown(renderer=_Renderer(escape=True))
