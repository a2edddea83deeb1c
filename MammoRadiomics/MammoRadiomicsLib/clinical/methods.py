"""The methods of a clinical analysis as sentences for a paper, and its answers to reporting checklists."""

from __future__ import annotations

from ..reports import checklists
from .outcomes import LOGISTIC, MULTINOMIAL, ORDINAL

_TABLE_1 = (
    "Categories were compared by the chi-square test without continuity correction, by Fisher's exact test where "
    "expected counts were small; quantities, shown as mean (SD) where skewness and kurtosis allowed and else as median "
    "(IQR), by Welch's t-test or analysis of variance, else by the Mann-Whitney or Kruskal-Wallis test. Standardised "
    "differences are given for all."
)
_KINDS = {
    LOGISTIC: "logistic regression",
    ORDINAL: "proportional odds regression with Brant's test",
    MULTINOMIAL: "multinomial logistic regression",
}


def paragraphs(found: dict) -> dict[str, str]:
    """Return the methods, a paragraph by heading.

    Parameters
    ----------
    found : dict
        As :func:`.analysis.analyse` returns it.
    """
    return {
        "Units": _units(found),
        "Baseline characteristics": _TABLE_1,
        "Regressions": " ".join(_regressions(found)),
        "Software": _software(found),
    }


def _units(found: dict) -> str:
    excluded = "; ".join(f"{row['units']}, {row['reason']} ({row['column']})" for row in found["excluded"])
    left_out = f"Left out: {excluded}." if excluded else "None was left out."
    return (
        f"The unit of analysis was the {found['unit']}: {found['units']} of {found['patients']} patients. {left_out} "
        "Rows of one unit were joined; units whose rows contradict each other were left out."
    )


def _regressions(found: dict) -> list[str]:
    kinds = dict.fromkeys(_KINDS[each["kind"]] for each in found["regressions"])
    used = ", ".join(each["column"] for each in found["columns"] if each["predictor"])
    stated = found["settings"]["references"]
    chosen = "; ".join(f"{name}: {level}" for name, level in stated.items())
    methods = dict.fromkeys(
        each["method"]
        for regression in found["regressions"]
        for each in (regression["models"]["full"], *regression["models"]["univariable"])
        if each["method"]
    )
    lines = [
        f"Associations with {found['outcome']['name']} were estimated by {', '.join(kinds)}.",
        f"The full model was fixed beforehand with {used}.",
        "A screened model holds the variables with a univariable P < 0.05; its intervals are too narrow.",
        "Categories were compared with a reference level"
        + (f" ({chosen})." if chosen else " (Han for ethnicity, else the most frequent)."),
        f"Fitted by: {'; '.join(methods)}." if methods else "",
        "Units with a missing value of a variable in the model were left out of it.",
    ]
    if found["settings"]["split"]:
        lines.append(f"Regressions used the training side of {found['settings']['split']} where it has one.")
    if found["label"]:
        lines.append(f"This is {found['label']}: variables known only after surgery were used.")
    return [line for line in lines if line]


def _software(found: dict) -> str:
    return ", ".join(f"{name} {version}" for name, version in found["versions"].items()) + "."


def answers(found: dict) -> dict[str, str]:
    """Return an answer by key of :mod:`..checklists`; what this analysis cannot answer is not there."""
    outcome, unit = found["outcome"], found["unit"]
    counts = ", ".join(f"{name} {count}" for name, count in outcome["counts"].items())
    lacking = {
        each["variable"]: sum(each["missing"].values()) for each in found["tables"][-1]["variables"]
    }  # fmt: skip
    missing = ", ".join(name for name, count in lacking.items() if count)
    excluded = "; ".join(f"{row['units']}: {row['reason']}" for row in found["excluded"])
    times = "; ".join(f"{each['column']} ({each['time']})" for each in found["columns"] if each["predictor"])
    split = found["settings"]["split"]
    return {
        key: text
        for key, text in {
            "checklists": f"{', '.join(checklists.LISTS)}: these tables.",
            "flow": (f"Left out: {excluded}." if excluded else "No unit was left out.") + " flow.csv.",
            "outcome": f"{outcome['name']}, {counts}; unknown {outcome['unknown']}.",
            "clinical": f"With the time when each is known: {times}.",
            "missing": "Complete cases in each model. "
            + (f"With missing values, counted in Table 1: {missing}." if missing else "No value is missing."),
            "imbalance": f"{counts}; not balanced.",
            "baseline": f"Table 1 of {found['units']} units ({unit}).",
            "events": f"Units with a known outcome: {counts}; those of each model stand under its table.",
            "split": f"By the column {split}." if split else "",
            "differences": f"Table 1 by {split}." if split else "",
            "software": f"MammoRadiomics, open source under Apache 2.0. {_software(found)}",
        }.items()
        if text
    }
