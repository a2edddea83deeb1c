"""The frame that all reports share: sections, numbered tables and figures, one look on screen and on paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .html_page import Html, bullets, element, figure, joined, page, paragraphs, picture, table
from .print_style import DOTS_PER_INCH, DOUBLE_MM

NOT_A_DEVICE = "For research. Not a medical device."
_STYLE = """
:root { --line: #b4b4b4; --blue: #0072b2; }
body { font: 15px/1.5 "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; color: #222; background: #fff;
  max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; padding-bottom: .2rem; border-bottom: 2px solid var(--blue); }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
p, ul { margin: .4rem 0; } ul { padding-left: 1.3rem; } a { color: var(--blue); }
.status { padding: .5rem .8rem; border-left: 5px solid #d55e00; background: #fdf1ea; font-weight: bold; }
.small { font-size: .85em; color: #555; }
nav { columns: 3 14rem; font-size: .9rem; margin: 1rem 0; padding: .6rem .8rem; background: #f4f6f8; }
nav a { display: block; text-decoration: none; break-inside: avoid; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .87rem; width: 100%; overflow-wrap: normal; }
table.wide { font-size: .76rem; }
caption { caption-side: top; text-align: left; padding-bottom: .3rem; font-size: .92rem; }
table.wide caption { font-size: .87rem; }
th, td { padding: .22rem .45rem; text-align: left; vertical-align: top; border-bottom: 1px solid #e3e3e3; }
td { overflow-wrap: anywhere; } th { overflow-wrap: break-word; }
thead th { border-bottom: 1.5px solid #222; border-top: 1.5px solid #222; vertical-align: bottom; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
figure { margin: 1.2rem 0; } figcaption { font-size: .87rem; margin-top: .3rem; }
img { max-width: 100%; height: auto; display: block; margin: 0 auto; }
pre { white-space: pre-wrap; font: inherit; background: #f4f6f8; padding: .6rem .8rem; }
.methods { background: #f4f6f8; padding: .2rem .9rem .6rem; }
table.wide td:nth-child(-n+2) { min-width: 6.5rem; }
table.wide td:last-child { min-width: 3.2rem; }
table.wide td.n, table.narrow caption { white-space: nowrap; }
table.narrow { width: auto; min-width: 24rem; }
table.checklist td:nth-child(1) { width: 3.2em; } table.checklist td:nth-child(2) { width: 27%; }
table.checklist td:nth-child(3) { width: 5.5em; }
.flow { max-width: 44rem; margin: 1rem auto; font-size: .9rem; line-height: 1.35; }
.line { display: flex; } .line > .box:only-child { width: 60%; margin: 0 auto; }
.box { border: 1.5px solid #222; padding: .4rem .7rem; box-sizing: border-box; background: #fff; }
.stem { width: 50%; flex: none; box-sizing: border-box; border-right: 1.5px solid #222; min-height: 1.3rem; }
.aside { position: relative; width: 44%; margin: .5rem 0 .5rem 6%; border-color: #777; }
.aside::before { content: ""; position: absolute; right: 100%; top: 50%; width: 13.6%; border-top: 1.5px solid #777; }
.parts { display: flex; justify-content: space-around; gap: 1.2rem; } .parts .box { flex: 1; position: relative; }
.parts .box::before { content: ""; position: absolute; left: 50%; bottom: 100%; height: 1.3rem;
  border-left: 1.5px solid #222; }
.fork { width: calc(50% + .6rem); margin: 0 auto 1.3rem; border-top: 1.5px solid #222; }
@page { size: A4; margin: 16mm 14mm; }
@media print {
  body { font-size: 9.5pt; max-width: none; margin: 0; padding: 0; } nav { display: none; }
  h2, h3 { break-after: avoid; } tr, figure, .flow, .status { break-inside: avoid; }
  thead { display: table-header-group; } caption, thead, thead tr { break-after: avoid; }
  caption { break-inside: avoid; } table.wide td:nth-child(-n+2) { min-width: 4rem; }
  tbody tr:first-child { break-before: avoid; }
  img { max-height: 225mm; width: auto; } .methods, .status { background: none; }
  .apart { break-before: page; } a { color: inherit; text-decoration: none; }
  table { font-size: 8pt; } table.wide { font-size: 7.2pt; } table.wide caption, caption { font-size: 8.5pt; }
  th, td { padding: .12rem .3rem; }
}
"""


@dataclass(frozen=True)
class Item:
    """A file beside a report: where the page shows it, and what it is.

    Parameters
    ----------
    file : str
        Its name; a PNG is shown as a figure.
    section : str
        Key of the section that shows it.
    caption : str
        Stands beside it on the page and in the list of files.
    printed : callable, optional
        Makes the rows of a CSV those of a table on the page.
    drawn : callable, optional
        Makes a figure of the rows of a CSV. Without either the file is listed and not shown.
    kind : str, optional
        Class of the table, for its style.
    notes : tuple of str
        Stand under the table.
    """

    file: str
    section: str
    caption: str
    printed: Callable[[list[dict]], list[dict]] | None = None
    drawn: Callable[[list[dict]], Html] | None = None
    kind: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Parameters
    ----------
    key : str
        Of it, for items.
    title : str
        Its heading.
    apart : bool
        Whether it begins a new page in print.
    """

    key: str
    title: str
    apart: bool = False


class Page:
    """A report in the making.

    Parameters
    ----------
    items : list of Item
        The files that may be beside it, in the order in which they are shown.
    tables : dict of str to list of dict
        Rows by file name, with the numbers that the file holds.
    pictures : dict of str to bytes
        PNG files by name.
    """

    def __init__(self, items: list[Item], tables: dict[str, list[dict]], pictures: dict[str, bytes]):
        self._items, self._tables, self._pictures = items, tables, pictures
        self._figures = self._shown_tables = 0

    def write(self, title: str, status: list[str], sections: list[Section], texts: Mapping[str, object]) -> str:
        """Return the page; sections without text and without items are left out.

        Parameters
        ----------
        title : str
            Of the whole.
        status : list of str
            What the reader must know first.
        sections : list of Section
            In their order.
        texts : dict of str to (Html or list)
            What stands in a section before its items, by key: Html, or sentences that become paragraphs.
        """
        written = []
        for section in sections:
            content = joined([_as_html(texts.get(section.key, "")), *map(self._shown, self._of(section.key))])
            if content:
                written.append((section, content))
        links = [element("a", each.title, href=f"#{each.key}") for each, _ in written]
        return page(
            title,
            _STYLE,
            element("h1", title),
            element("div", *(element("div", line) for line in status), class_="status"),
            element("nav", *links),
            *(
                element("section", element("h2", each.title, id=each.key), content, class_="apart" * each.apart or None)
                for each, content in written
            ),
        )

    def _of(self, section: str) -> list[Item]:
        return [each for each in self._items if each.section == section]

    def _shown(self, item: Item) -> Html:
        rows, png = self._tables.get(item.file), self._pictures.get(item.file)
        if png is not None:
            return self._figure(picture(png, item.caption, f"width: {_share_of_page(png):.0%}"), item.caption)
        if rows and item.drawn is not None:
            return self._figure(item.drawn(rows), item.caption)
        if not rows or item.printed is None:
            return Html()
        self._shown_tables += 1
        source = element("span", f" Numbers: {item.file}.", class_="small")
        caption = joined([element("b", f"Table {self._shown_tables}."), f" {item.caption}.", source])
        return joined([table(item.printed(rows), caption, item.file, item.kind), bullets(item.notes)])

    def _figure(self, drawing: Html, caption: str) -> Html:
        self._figures += 1
        return figure(drawing, joined([element("b", f"Figure {self._figures}."), f" {caption}."]))


def _share_of_page(png: bytes) -> float:
    """Return how much of the page's width a figure takes, so that letters of all figures are equally large."""
    pixels = int.from_bytes(png[16:20], "big")
    return min(1.0, pixels / (DOUBLE_MM / 25.4 * DOTS_PER_INCH))


def files(items: list[Item], names: list[str]) -> Html:
    """List the files that are beside a report."""
    about = {each.file: each.caption for each in reversed(items) if each.file in names}
    return joined(
        [
            bullets(
                joined([element("code", name), f": {caption}", "; also as SVG" * name.endswith(".png")])
                for name, caption in reversed(about.items())
            ),
            paragraphs(
                ["In the tables an apostrophe stands before text that a spreadsheet program would take for a formula."]
            ),
        ]
    )


def _as_html(content: object) -> Html:
    return paragraphs(content) if isinstance(content, list) else joined([content])
