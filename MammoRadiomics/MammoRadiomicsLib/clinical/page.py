"""The page on a clinical analysis: its sections, tables and words."""

from __future__ import annotations

from collections.abc import Callable

from ..reports import flow, report_text
from ..reports.html_page import Html, bullets, element, joined
from ..reports.report_items import checklist_items, grouped
from ..reports.report_page import NOT_A_DEVICE, Item, Section
from . import baseline, methods

MODELS = {"univariable": "univariable", "full": "full_model", "screened": "screened_model"}
_TITLES = {"univariable": "One variable at a time", "full": "Full model", "screened": "Screened model"}
_HOW = [
    "Standardised differences come first, of more than two groups the largest of any two; under 0.1 is usually taken "
    "to be small. P values depend on the number of rows as well. Percentages are of known values.",
    "Odds ratios of a level are against the reference; of a quantity, for one unit more. P is Wald's unless the "
    "method says Firth. Rows with a missing value are left out of a model, and counted.",
    "An odds ratio is an association in these rows. It is no effect of a treatment, and no measure of prediction.",
]
_ANSWERED_ONLY = "Only the items that a clinical analysis answers are listed; a training's report lists all."


def title(found: dict) -> str:
    """Return the heading of the page."""
    return f"Clinical analysis of {found['outcome']['name']}"


def status(found: dict) -> list[str]:
    """Return what a reader must know before anything else."""
    label = found["label"]
    return [f"{label[0].upper()}{label[1:]}.", NOT_A_DEVICE] if label else [NOT_A_DEVICE]


def sections(found: dict) -> list[Section]:
    """Return the sections in their order, one for each regression."""
    return [
        Section("summary", "In short"),
        Section("flow", "Who was studied"),
        Section("baseline", "Baseline characteristics"),
        *(
            Section(f"regression_{i}", f"{each['outcome']}: {each['contrast']} ({each['kind']} regression)")
            for i, each in enumerate(found["regressions"])
        ),
        Section("forests", "Forest plots"),
        Section("reading", "How to read this"),
        Section("methods", "Methods, to be pasted into a paper"),
        Section("checklists", "Reporting checklists", apart=True),
        Section("files", "Files beside this page"),
    ]


def items(found: dict) -> list[Item]:
    """Return the tables of the page and what else is beside it; forest plots are added by who draws them."""
    by_split = [each["by"] for each in found["tables"][:-1]]
    regressions = [
        item for i, each in enumerate(found["regressions"]) for item in _of_regression(each, f"regression_{i}")
    ]
    return [
        Item("flow.csv", "flow", "From the rows of the table to the units that were analysed", drawn=flow.diagram),
        *(Item("table1_split.csv", "baseline", f"Baseline characteristics by {by}", grouped) for by in by_split),
        Item(
            "table1_outcome.csv", "baseline", f"Baseline characteristics by {found['tables'][-1]['by']}", grouped
        ),
        *regressions,
        *checklist_items(),
        Item("clinical.json", "files", "everything on this page with every digit, settings and versions"),
        Item("columns.csv", "files", "the columns, when each is known, and whether it explains the outcome"),
        Item("excluded.csv", "files", "units left out, with the reason"),
        Item("variable_tests.csv", "files", "tests of whole variables, and variance inflation"),
    ]  # fmt: skip


def _of_regression(regression: dict, section: str) -> list[Item]:
    contrast = regression["contrast"]
    found = [
        Item(
            f"{file}.csv", section, f"{_TITLES[name]}: {contrast}", _printed(contrast),
            notes=_notes(models_of(regression, name), name),
        )
        for name, file in MODELS.items()
        if any(each["terms"] for each in models_of(regression, name))
    ]  # fmt: skip
    if regression.get("brant", {}).get("tests"):
        note = (regression["brant"]["note"],)
        found.append(
            Item("brant.csv", section, "Brant's test: are the odds proportional?", _tests(contrast), notes=note)
        )
    return found


def models_of(regression: dict, name: str) -> list[dict]:
    """Return the models of one name: one for each variable, the full one, or the screened one where there is one."""
    of_name = regression["models"][name]
    return of_name if name == "univariable" else [of_name] if of_name else []


def _notes(models: list[dict], name: str) -> tuple[str, ...]:
    notes = list(dict.fromkeys(note for each in models for note in each["notes"]))
    if name == "univariable":
        return tuple(notes)
    size = [
        f"{each['units']} units, {each['incomplete']} left out for missing values; {each['method']}." for each in models
    ]
    return (*size, *notes)


def _printed(contrast: str) -> Callable[[list[dict]], list[dict]]:
    def of_contrast(rows: list[dict]) -> list[dict]:
        own = [row for row in rows if row["contrast"] == contrast]
        several = len({row["against"] for row in own}) > 1
        return grouped([_term(row, several) for row in own])

    return of_contrast


def _term(row: dict, several: bool) -> dict:
    kind = "wald" if row["profile_low"] == "" else "profile"
    low, high = (number(row[f"{kind}_{end}"]) for end in ("low", "high"))
    return {
        "variable": row["variable"],
        "level": f"{row['level']} vs {row['reference']}" if row["level"] else "per 1",
        **({"of": row["against"]} if several else {}),
        "OR": number(row["odds_ratio"]),
        "95% CI": f"{low} to {high}",
        "by": "Wald" if kind == "wald" else kind,
        "P": baseline.p_in_words(row["p"]),
        "n": row["units"],
    }


def number(value: float | str) -> str:
    """Return an odds ratio as text; an empty one is beyond all numbers."""
    if isinstance(value, str):
        return "no limit"
    return f"{value:.3f}" if value < 10 else f"{value:.4g}"


def _tests(contrast: str) -> Callable[[list[dict]], list[dict]]:
    def of_contrast(rows: list[dict]) -> list[dict]:
        return [
            {"variable": row["variable"], "chi-square": f"{row['statistic']:.2f}", "df": row["df"],
             "P": baseline.p_in_words(row["p"])}
            for row in rows
            if row["contrast"] == contrast
        ]  # fmt: skip

    return of_contrast


def texts(found: dict, tables: dict[str, list[dict]]) -> dict[str, Html | list[str]]:
    """Return the words of each section by its key."""
    by_heading = methods.paragraphs(found).items()
    paper = joined(part for heading, text in by_heading for part in (element("h3", heading), element("p", text)))
    unfitted = {
        f"regression_{i}": bullets(
            dict.fromkeys(
                note
                for name in MODELS
                for each in models_of(regression, name)
                if not each["terms"] and not (name == "univariable" and not each["failed"])
                for note in each["notes"]
            )
        )
        for i, regression in enumerate(found["regressions"])
    }
    return {
        "summary": bullets(_short(found)),
        "reading": bullets(_HOW),
        "methods": element("div", paper, class_="methods"),
        "checklists": report_text.about_checklists(tables, _ANSWERED_ONLY),
        **unfitted,
    }


def _short(found: dict) -> list[str]:
    outcome = found["outcome"]
    counts = ", ".join(f"{name}: {count}" for name, count in outcome["counts"].items())
    times: dict[str, list[str]] = {}
    for column in found["columns"]:
        times.setdefault(column["time"], []).append(column["column"])
    return [
        f"{found['units']} units ({found['unit']}) of {found['patients']} patients from {found['table_rows']} rows.",
        f"{outcome['name']}: {counts}; unknown {outcome['unknown']}.",
        *(f"Known at {time}: {', '.join(names)}." for time, names in times.items() if time != "not stated"),
        *(f"Not analysed: {reason}." for reason in found["not_analysed"].values()),
        *found["notes"],
    ]


def steps(found: dict) -> list[dict]:
    """Return the way from the rows of the table to the regressions, see :mod:`..flow`."""
    outcome, unit = found["outcome"], {"patient": "patients", "breast": "breasts", "lesion": "lesions"}[found["unit"]]
    unknown = [each for each in found["excluded"] if "not in the regressions" in each["reason"]]
    contradicting = [each for each in found["excluded"] if each not in unknown]
    in_table = flow.step(
        flow.KEPT, f"In Table 1, from {found['table_rows']:,} rows", found["units"], unit, patients=found["patients"]
    )
    before = [
        flow.step(flow.KEPT, "In the table", found["units"] + sum(each["units"] for each in contradicting), unit),
        *(
            flow.step(flow.LEFT_OUT, f"{each['reason']}: {each['column']}", each["units"], unit)
            for each in contradicting
        ),
    ]
    counts = ", ".join(f"{outcome['name']} {name}: {count}" for name, count in outcome["counts"].items())
    return [
        *(before if contradicting else []),
        in_table,
        *(flow.step(flow.LEFT_OUT, each["reason"], each["units"], unit) for each in unknown),
        flow.step(flow.KEPT, "With a known outcome", sum(outcome["counts"].values()), unit, detail=counts),
        *_in_regressions(found, unit),
    ]


def _in_regressions(found: dict, unit: str) -> list[dict]:
    """The sides of a split; regressions say themselves how many of a side are complete."""
    by_split = found["tables"][:-1]
    if not by_split:
        return []
    sides = {name: by_split[0]["groups"][name] for name in by_split[0]["compared"]}
    return [flow.step(flow.PART, name, count, unit) for name, count in sides.items()]
