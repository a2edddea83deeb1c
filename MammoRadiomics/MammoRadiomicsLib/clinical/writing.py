"""What a clinical analysis leaves in its folder: every number as CSV and JSON, forest plots, a page to read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..reports import checklists, report_files, report_page
from ..reports.report_page import Item, Page
from ..reports.report_tables import without_formulas
from ..tables import rows_to_csv
from . import baseline, forest, methods, page

SUMMARY = "report.html"
_OURS = re.compile(r"(forest_\d+\.(png|svg)|table1_(split|outcome)\.csv|(clinical|report)\.(md|json|html)|"
                   r"(univariable|full_model|screened_model|variable_tests|brant|excluded|columns|flow)\.csv|"
                   r"checklist_\w+\.csv)")  # fmt: skip


def write(found: dict, folder: str | Path) -> list[Path]:
    """Write an analysis into a folder; all files or, on an error, none.

    What an earlier analysis left there under these names is replaced or removed; other files stay.

    Parameters
    ----------
    found : dict
        As :func:`.analysis.analyse` returns it.
    folder : path
        Made if missing.

    Returns
    -------
    list of Path
        What was written, the page to read first.

    Raises
    ------
    InputError
        When the folder cannot be written to.
    """
    contents: dict[str, str | bytes] = {"clinical.json": json.dumps(found, indent=1, allow_nan=False) + "\n"}
    tables = _tables(found)
    for name, rows in tables.items():
        contents[f"{name}.csv"] = rows_to_csv(without_formulas(rows))
    forests = []
    for i, (regression, against) in enumerate(_figures(found), start=1):
        figure = forest.odds_ratios(regression, against, found["label"])
        forests.append(Item(f"forest_{i}.png", "forests", figure.get_suptitle().rstrip(".")))
        contents |= report_files.pictures(f"forest_{i}", figure)
    folder = Path(folder)
    paths = report_files.write_all(folder, {SUMMARY: _page(found, tables, forests, contents), **contents})
    for path in folder.iterdir():
        if path.is_file() and is_ours(path.name) and path not in paths:
            path.unlink()
    return paths


def is_ours(name: str) -> bool:
    """Say whether an analysis writes, replaces or removes files of this name."""
    return _OURS.fullmatch(name) is not None


def _page(found: dict, tables: dict, forests: list[Item], contents: dict[str, str | bytes]) -> str:
    items = [*page.items(found), *forests]
    pictures = {name: each for name, each in contents.items() if name.endswith(".png") and isinstance(each, bytes)}
    frame = Page(items, {f"{name}.csv": rows for name, rows in tables.items()}, pictures)
    texts = page.texts(found, tables) | {"files": report_page.files(items, list(contents))}
    return frame.write(page.title(found), page.status(found), page.sections(found), texts)


def _figures(found: dict) -> list[tuple[dict, str]]:
    return [
        (regression, against)
        for regression in found["regressions"]
        for against in regression["against"]
        if regression["models"]["full"]["terms"] or any(each["terms"] for each in regression["models"]["univariable"])
    ]


def _tables(found: dict) -> dict[str, list[dict]]:
    """Return the rows of each CSV file; those without rows are left out."""
    *by_split, by_outcome = found["tables"]
    tables = {"flow": page.steps(found), "table1_split": baseline.as_rows(by_split[0]) if by_split else []}
    tables |= {
        "table1_outcome": baseline.as_rows(by_outcome),
        "columns": found["columns"],
        "excluded": found["excluded"],
    }
    tables |= {file: _terms(found, name) for name, file in page.MODELS.items()}
    tables["variable_tests"] = _variable_tests(found)
    tables["brant"] = [
        {"contrast": each["contrast"]} | test
        for each in found["regressions"]
        for test in each.get("brant", {}).get("tests", [])
    ]
    tables = {name: rows for name, rows in tables.items() if rows}
    answered = checklists.tables(methods.answers(found))
    return tables | {
        name: [row for row in rows if row["status"] != checklists.OPEN] for name, rows in answered.items()
    }  # fmt: skip


def _terms(found: dict, name: str) -> list[dict]:
    return [
        {"contrast": regression["contrast"], "method": each["method"], "units": each["units"]}
        | {key: "" if value is None else value for key, value in term.items()}
        for regression in found["regressions"]
        for each in page.models_of(regression, name)
        for term in each["terms"]
    ]


def _variable_tests(found: dict) -> list[dict]:
    rows = []
    for regression in found["regressions"]:
        for name in page.MODELS:
            for each in page.models_of(regression, name):
                inflation = {row["variable"]: row["vif"] for row in each["collinearity"]}
                rows += [
                    {
                        "contrast": regression["contrast"],
                        "model": name,
                        **test,
                        "vif": inflation.get(test["variable"], ""),
                    }
                    for test in each["tests"]
                ]
    return rows
