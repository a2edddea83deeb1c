"""Reports as one HTML file each: no script, nothing loaded from elsewhere, every text escaped, printable on A4."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

# Whatever a text from a stranger's table may hold, a browser runs and loads nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_VOID = ("img", "meta", "br")


class Html(str):
    """Text that is HTML already; any other text is escaped on its way into an element."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Return an element; children that are no Html are escaped.

    Parameters
    ----------
    tag : str
        Its name.
    *children : object
        Html, or anything whose text is to be shown.
    **attributes : object
        An underscore at the end is dropped and others become hyphens (``class_``, ``data_file``); None leaves one out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>" if tag in _VOID else f"<{tag}{written}>{joined(children)}</{tag}>")


def joined(parts: Iterable[object]) -> Html:
    """Return parts one after the other, escaped where they are no Html."""
    return Html("".join(part if isinstance(part, Html) else html.escape(str(part)) for part in parts))


def paragraphs(lines: Iterable[object]) -> Html:
    """Return each line as a paragraph."""
    return joined(element("p", line) for line in lines)


def bullets(lines: Iterable[object]) -> Html:
    """Return lines as a list; nothing without any."""
    items = [element("li", line) for line in lines]
    return element("ul", *items) if items else Html()


def table(rows: list[dict], caption: object = "", file: str | None = None, kind: str | None = None) -> Html:
    """Return rows as a table; columns that hold numbers stand to the right.

    Parameters
    ----------
    rows : list of dict
        Of the same keys, at least one.
    caption : str or Html
        Stands above it.
    file : str, optional
        The file beside the page that holds its numbers.
    kind : str, optional
        Class for its style; by default told by the number of columns.
    """
    right = {name: "n" if all(_is_number(row[name]) for row in rows) else None for name in rows[0]}
    head = element("tr", *(element("th", name, class_=right[name]) for name in rows[0]))
    body = [element("tr", *(element("td", cell, class_=right[name]) for name, cell in row.items())) for row in rows]
    shown = element("caption", caption) if caption else ""
    # Of many columns the letters are smaller, so that a page of A4 takes them.
    kind = kind or ("wide" if len(rows[0]) > 7 else "narrow" if len(rows[0]) < 4 else None)
    return element("table", shown, element("thead", head), element("tbody", *body), data_file=file, class_=kind)


def _is_number(cell: object) -> bool:
    return not str(cell) or str(cell)[0] in "0123456789-+<" or str(cell) == "none"


def figure(drawing: Html, caption: object) -> Html:
    """Return a drawing or :func:`picture` with its caption under it."""
    return element("figure", drawing, element("figcaption", caption))


def picture(png: bytes, described: str, style: str | None = None) -> Html:
    """Return a picture that is inside the page.

    Parameters
    ----------
    png : bytes
        A PNG file.
    described : str
        What it shows, for readers who cannot see it.
    style : str, optional
        CSS of its own.
    """
    data = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    return element("img", src=data, alt=described, style=style)


def page(title: str, style: str, *body: object) -> str:
    """Return a whole file of HTML."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(style)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', *body), lang='en')}\n"
