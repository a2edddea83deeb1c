"""What a clinical analysis leaves in its folder: every number as CSV and JSON, forest plots, a page to read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .. import report_files
from ..report_tables import without_formulas
from ..report_text import plain, table
from ..tables import rows_to_csv
from . import baseline, forest

SUMMARY = "clinical.md"
_MODELS = {"univariable": "univariable", "full": "full_model", "screened": "screened_model"}
_TITLES = {"univariable": "One variable at a time", "full": "Full model", "screened": "Screened model"}
_OURS = re.compile(r"(forest_\d+\.(png|svg)|table1_(split|outcome)\.csv|clinical\.(md|json)|"
                   r"(univariable|full_model|screened_model|variable_tests|brant|excluded|columns)\.csv)")  # fmt: skip


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
    for name, rows in _tables(found).items():
        contents[f"{name}.csv"] = rows_to_csv(without_formulas(rows))
    captions = {}
    for i, (regression, against) in enumerate(_figures(found), start=1):
        figure = forest.odds_ratios(regression, against, found["label"])
        captions[f"forest_{i}.png"] = figure.get_suptitle()
        contents |= report_files.pictures(f"forest_{i}", figure)
    folder = Path(folder)
    paths = report_files.write_all(folder, {SUMMARY: _page(found, captions, sorted(contents)), **contents})
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path not in paths:
            path.unlink()
    return paths


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
    tables = {"table1_split": baseline.as_rows(by_split[0]) if by_split else []}
    tables |= {
        "table1_outcome": baseline.as_rows(by_outcome),
        "columns": found["columns"],
        "excluded": found["excluded"],
    }
    tables |= {file: _terms(found, name) for name, file in _MODELS.items()}
    tables["variable_tests"] = _variable_tests(found)
    tables["brant"] = [
        {"contrast": each["contrast"]} | test
        for each in found["regressions"]
        for test in each.get("brant", {}).get("tests", [])
    ]
    return {name: rows for name, rows in tables.items() if rows}


def _models(regression: dict, name: str) -> list[dict]:
    of_name = regression["models"][name]
    return of_name if name == "univariable" else [of_name] if of_name else []


def _terms(found: dict, name: str) -> list[dict]:
    return [
        {"contrast": regression["contrast"], "method": each["method"], "units": each["units"]}
        | {key: "" if value is None else value for key, value in term.items()}
        for regression in found["regressions"]
        for each in _models(regression, name)
        for term in each["terms"]
    ]


def _variable_tests(found: dict) -> list[dict]:
    rows = []
    for regression in found["regressions"]:
        for name in _MODELS:
            for each in _models(regression, name):
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


def _page(found: dict, captions: dict[str, str], files: list[str]) -> str:
    outcome = found["outcome"]
    label = f" ({found['label']})" if found["label"] else ""
    sections = {
        f"# Clinical analysis of {plain(outcome['name'])}{label}": _facts(found),
        **{f"## Table 1 by {plain(each['by'])}": _printed(baseline.as_rows(each)) for each in found["tables"]},
    }
    for regression in found["regressions"]:
        for name, title in _TITLES.items():
            heading = f"## {title}: {plain(regression['contrast'])} ({regression['kind']})"
            sections[heading] = _regression(regression, name)
        if "brant" in regression:
            sections["## Are the odds proportional?"] = [
                *_printed([_shown(row) for row in regression["brant"]["tests"]]), "", plain(regression["brant"]["note"])
            ]  # fmt: skip
    sections["## Figures"] = [f"![{plain(text)}]({name})" for name, text in captions.items()]
    sections["## How to read this"] = _HOW
    sections["## Files"] = [f"- {name}" for name in files]
    return "\n".join(f"{heading}\n\n" + "\n".join(lines) + "\n" for heading, lines in sections.items() if lines)


_HOW = [
    "- Standardised differences come first, of more than two groups the largest of any two; under 0.1 is usually taken "
    "to be small. P values depend on the number of rows as well.",
    "- Categories: chi-square without continuity correction, Fisher's exact test where expected counts are small. "
    "Quantities: mean (SD) and Welch's t-test or analysis of variance where skewness and kurtosis allow, else median "
    "(IQR) and Mann-Whitney or Kruskal-Wallis. Percentages are of known values.",
    "- Odds ratios of a level are against the reference; of a quantity, for one unit more. P is Wald's unless the "
    "method says Firth. Rows with a missing value are left out of a model, and counted.",
    "- An odds ratio is an association in these rows. It is no effect of a treatment, and no measure of prediction.",
]


def _facts(found: dict) -> list[str]:
    outcome = found["outcome"]
    counts = ", ".join(f"{plain(name)} {count}" for name, count in outcome["counts"].items())
    lines = [
        f"- {found['units']} units ({found['unit']}) of {found['patients']} patients from {found['table_rows']} rows.",
        f"- {plain(outcome['name'])}: {counts}; unknown {outcome['unknown']}.",
    ]
    lines += [
        f"- Left out: {row['units']} units, {row['reason']} ({plain(row['column'])})." for row in found["excluded"]
    ]
    lines += [f"- Not analysed: {plain(reason)}." for reason in found["not_analysed"].values()]
    times: dict[str, list[str]] = {}
    for column in found["columns"]:
        times.setdefault(column["time"], []).append(column["column"])
    lines += [f"- Known at {time}: {plain(', '.join(names))}." for time, names in times.items() if time != "not stated"]
    return lines + [f"- {plain(note)}" for note in found["notes"]]


def _regression(regression: dict, name: str) -> list[str]:
    found = _models(regression, name)
    rows = [_term_in_words(term, each) for each in found for term in each["terms"]]
    notes = list(dict.fromkeys(note for each in found for note in each["notes"]))
    if name == "full" and found:
        notes.insert(
            0, f"{found[0]['units']} units, {found[0]['incomplete']} left out for missing values; {found[0]['method']}."
        )
    return [*(_printed(rows) if rows else []), "", *(f"- {plain(note)}" for note in notes)]


def _term_in_words(term: dict, of_model: dict) -> dict:
    kind = "wald" if term["profile_low"] is None else "profile"
    low, high = (_number(term[f"{kind}_{end}"]) for end in ("low", "high"))
    return {
        "class": term["against"],
        "variable": term["variable"],
        "level": f"{term['level']} vs {term['reference']}" if term["level"] else "per 1",
        "OR": _number(term["odds_ratio"]),
        "95% CI": f"{low} to {high} ({'Wald' if kind == 'wald' else kind})",
        "P": baseline.p_in_words(term["p"]),
        "n": of_model["units"],
    }


def _number(value: float | None) -> str:
    return "no limit" if value is None else f"{value:.3f}" if value < 10 else f"{value:.4g}"


def _shown(row: dict) -> dict:
    return {"variable": row["variable"], "chi-square": f"{row['statistic']:.2f}", "df": row["df"],
            "P": baseline.p_in_words(row["p"])}  # fmt: skip


def _printed(rows: list[dict]) -> list[str]:
    return table([{plain(key): plain(str(cell)) for key, cell in row.items()} for row in rows]) if rows else []
