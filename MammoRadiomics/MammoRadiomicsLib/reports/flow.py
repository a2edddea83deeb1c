"""The way of a cohort from the rows of a table to those analysed, as rows of a file and as a diagram."""

from __future__ import annotations

from .html_page import Html, element

KEPT, LEFT_OUT, PART = "kept", "left out", "part"


def step(kind: str, what: str, count: int, unit: str, *, patients: int | None = None, detail: str = "") -> dict:
    """Return one box of the diagram.

    Parameters
    ----------
    kind : {"kept", "left out", "part"}
        On the way down, beside it, or one of the parts at its end.
    what : str
        In words.
    count : int
        How many.
    unit : str
        Of what, such as lesions.
    patients : int, optional
        Of how many patients, where that is known.
    detail : str
        More, such as the classes.
    """
    known = "" if patients is None else patients
    return {"step": kind, "what": what, "count": count, "unit": unit, "patients": known, "detail": detail}


def diagram(steps: list[dict]) -> Html:
    """Return the diagram of steps in their order: those left out stand beside the line to the next box."""
    stem, parts = element("div", class_="stem"), [_box(each) for each in steps if each["step"] == PART]
    lines: list[Html] = []
    for i, each in enumerate(each for each in steps if each["step"] != PART):
        if each["step"] == KEPT:
            lines += [*([_line(stem)] if i else []), _line(_box(each))]
        else:
            lines.append(_line(stem, _box(each, "box aside")))
    if parts:
        lines += [_line(stem), element("div", class_="fork"), element("div", *parts, class_="parts")]
    return element("div", *lines, class_="flow")


def _line(*boxes: Html) -> Html:
    return element("div", *boxes, class_="line")


def _box(each: dict, kind: str = "box") -> Html:
    patients = "" if each["patients"] == "" else f" of {each['patients']:,} patients"
    of_what = each["unit"].removesuffix("s") if each["count"] == 1 else each["unit"]
    count = element("b", f"{each['count']:,} {of_what}{patients}")
    detail = element("div", each["detail"], class_="small") if each["detail"] else ""
    return element("div", element("div", each["what"]), count, detail, class_=kind)
