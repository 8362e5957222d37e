"""The report as one HTML file that needs nothing beside itself."""

from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Sequence
from html import escape

from analysis.figures.latex import Number, PrintedTable
from analysis.figures.names import ANSWERS, title
from analysis.figures.style import ANSWER_LOOKS, page_style
from analysis.figures.summary import TITLE
from analysis.report.contents import Item, Picture, Section
from analysis.report.notebooks import Block, Notebook
from analysis.report.prose import as_html

ABOUT = ("Attention in facial expression recognition, under occlusion and head pose. Numbers in "
         "brackets are 95% intervals. All is drawn from the tables of one folder; under each "
         "figure stands what made them.")
NOTEBOOKS = (
    "Step by step",
    "The study’s notebooks, which anyone can run: <code>make notebooks</code>. They are small, and "
    "of rendered heads; what was measured on all faces stands above, and each is linked to it.",
)
SIGNS = {title(verdict, ANSWERS): (verdict.replace(" ", "-"), sign)
         for verdict, (_, sign) in ANSWER_LOOKS.items()}

LONG = 18  # letters of a cell, that are broken into lines on a narrow screen


def render(sections: Sequence[Section], notebooks: Sequence[Notebook] = ()) -> str:
    """The page; the first section, the verdicts where there are any, stands before the contents,
    and the notebooks at the end."""
    body = [_section(section) for section in sections]
    shown = {item.name for section in sections for item in section.items}
    steps = _notebooks(notebooks, shown) if notebooks else ""
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">', f"<title>{TITLE}</title>",
        f"<style>\n{page_style()}</style>", "</head>", "<body>",
        f'<a class="skip" href="#{sections[0].name}">To the results</a>',
        f"<header>\n<h1>{TITLE}</h1>\n<p>{ABOUT}</p>\n</header>", "<main>",
        body[0], _index(sections, notebooks), *body[1:], steps, "</main>", "</body>", "</html>", "",
    ])


def _index(sections: Sequence[Section], notebooks: Sequence[Notebook]) -> str:
    lines = ['<nav aria-label="Contents">', "<h2>Contents</h2>", "<ul>"]
    for section in sections:
        lines.append(f'<li><a href="#{section.name}">{escape(section.title)}</a><ul>')
        for item in section.items:
            missing = ' <span class="note">(missing)</span>' if item.missing else ""
            lines.append(f'<li><a href="#{item.name}">{escape(item.title)}</a>{missing}</li>')
        lines.append("</ul></li>")
    if notebooks:
        lines.append(f'<li><a href="#notebooks">{NOTEBOOKS[0]}</a><ul>')
        lines += [f"<li>{_link(one.name, one.title)}</li>" for one in notebooks]
        lines.append("</ul></li>")
    return "\n".join([*lines, "</ul>", "</nav>"])


def _link(name: str, title: str) -> str:
    return f'<a href="#{name}">{escape(title)}</a>'


def _notebooks(notebooks: Sequence[Notebook], shown: Collection[str]) -> str:
    heading, intro = NOTEBOOKS
    lines = [f'<section id="notebooks">\n<h2>{heading}</h2>\n<p>{intro}</p>']
    for notebook in notebooks:
        lines.append(f'<article id="{notebook.name}">\n<h3>{escape(notebook.title)}</h3>')
        lines += [_block(block, shown) for block in notebook.blocks]
        lines.append("</article>")
    return "\n".join([*lines, "</section>"])


def _block(block: Block, shown: Collection[str]) -> str:
    """Args: shown: names of the items on this page, which it can lead to."""
    text = block.content
    if block.kind == "prose":
        return as_html(text)
    if block.kind == "code":
        seen = ", ".join(_link(name, title) for name, title in block.seen if name in shown)
        code = f"<details><summary>Code</summary>\n<pre><code>{escape(text)}</code></pre></details>"
        return code + f'\n<p class="note">As measured: {seen}</p>' * bool(seen)
    if block.kind == "png":
        return _figure(Picture(block.heading, f"{block.heading}: a figure of this notebook.",
                               b64decode(text)), False)
    inner = text if block.kind == "table" else f"<pre>{escape(text)}</pre>"
    return (f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(block.heading)}">'
            f"{inner}</div>")


def _section(section: Section) -> str:
    lines = [f'<section id="{section.name}">', f"<h2>{escape(section.title)}</h2>",
             f"<p>{escape(section.intro)}</p>"]
    if section.caution:
        lines.append(f'<p class="caution">{escape(section.caution)}</p>')
    for item in section.items:
        lines += _item(item)
    return "\n".join([*lines, "</section>"])


def _item(item: Item) -> Iterator[str]:
    yield f'<article id="{item.name}">\n<h3>{escape(item.title)}</h3>'
    if item.missing:
        yield f'<p class="missing">Missing: {escape(item.missing)}</p>'
    yield from (_figure(picture, len(item.pictures) > 1) for picture in item.pictures)
    if item.table:
        yield _table(item.table, item.title)
    yield _sources(item)
    yield "</article>"


def _figure(picture: Picture, captioned: bool) -> str:
    caption = f"<figcaption>{escape(picture.title)}</figcaption>\n" if captioned else ""
    data = b64encode(picture.png).decode()
    width, height = (int.from_bytes(picture.png[at : at + 4], "big") for at in (16, 20))
    return (f'<figure>\n<div class="picture" tabindex="0" '
            f'role="group" aria-label="{escape(picture.title)}">'
            f'<img src="data:image/png;base64,{data}" alt="{escape(picture.alt)}" '
            f'width="{width}" height="{height}"></div>\n{caption}</figure>')


def _table(table: PrintedTable, name: str) -> str:
    kinds = [_kind([row[i] for row in table.rows]) for i in range(len(table.header))]
    answer = table.header.index("answer") if "answer" in table.header else None
    lines = [f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(name)}">',
             "<table>", f"<caption>{escape(table.note)}</caption>", "<thead><tr>"]
    lines += [f'<th scope="col"{kind}>{escape(text)}</th>'
              for text, kind in zip(table.header, kinds, strict=True)]
    lines.append("</tr></thead>\n<tbody>")
    for row in table.rows:
        cells = [f"<td{kind}>{_text(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)]
        if answer is not None:
            cells[answer] = _answer(row[answer])
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody></table></div>"])


def _kind(column: Sequence[str | Number]) -> str:
    if any(isinstance(cell, Number) for cell in column):
        return ' class="number"'
    return ' class="long"' if max(map(len, column), default=0) > LONG else ""


def _text(cell: str | Number) -> str:
    if not isinstance(cell, Number):
        return escape(str(cell))
    value, low, high = (text.replace("-", "−") for text in cell.texts())
    interval = f' <span class="interval">[{low}, {high}]</span>' if low else ""
    return value + interval or "–"


def _answer(cell: str) -> str:
    kind, sign = SIGNS.get(cell, ("", ""))
    shown = f'<span aria-hidden="true">{sign}</span> ' if sign else ""
    return f'<td class="answer {kind}">{shown}{escape(cell)}</td>'


def _sources(item: Item) -> str:
    rows = "\n".join(f"<dt>{escape(name)}</dt><dd><code>{escape(command)}</code></dd>"
                     for name, command in item.sources)
    opened = " open" if item.missing else ""
    return f"<details{opened}><summary>Made of, and by</summary>\n<dl>\n{rows}\n</dl>\n</details>"
