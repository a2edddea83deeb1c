"""What is wrong with the data of a training, as rows for a table: row, column, problem, remedy."""

from __future__ import annotations

from pathlib import Path

from slicer.i18n import tr as _


def inWords(answer: dict, checked: str) -> tuple[list[tuple[str, str, str, str]], str]:
    """Return problems as rows of text, and a sentence about them.

    :param answer: as :func:`MammoRadiomicsLib.table_check.summary` makes it.
    :param checked: the name of what was checked.
    """
    text = _("{checked}: {count} rows. Errors: {errors}. Warnings: {warnings}.")
    said = {"error": "{problem}", "warning": _("Warning: {problem}")}
    rows = [
        (str(each["row"] or _("all")), each["column"], said[each["severity"]].format(**each), each["remedy"])
        for each in answer["problems"]
    ]
    text = text.format(checked=checked, count=answer["rows"], errors=answer["errors"], warnings=answer["warnings"])
    if answer["errors"] + answer["warnings"] > len(rows):
        text += " " + _("The first {count} are shown.").format(count=len(rows))
    return rows, text


def failures(features: Path) -> tuple[list[tuple[str, str, str, str]], str]:
    """Return the cases that could not be extracted into a table of features, in the same form."""
    from MammoRadiomicsLib import tables

    path = features.with_suffix(".failures.csv")
    # With a header alone there is none.
    failed = tables.read_rows(path) if len(path.read_text(encoding="utf-8").splitlines()) > 1 else []
    remedy = _("Mend it and run the extraction again; finished cases are kept.")
    text = _("Cases without features: {count}.").format(count=len(failed)) if failed else ""
    return [(row["row"], "", row["reason"], remedy) for row in failed], text
