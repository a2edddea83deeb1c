"""What a training's report is made of: its sections, and where each file beside it is shown and how."""

from __future__ import annotations

from ..clinical import baseline
from . import checklists, flow
from .report_page import Item, Section
from .report_tables import RATES
from .report_text import interval, number
from .training_figures import MOST_BARS

SECTIONS = [
    Section("summary", "In short"),
    Section("flow", "Who was studied"),
    Section("baseline", "Baseline characteristics"),
    Section("features", "Features, stability and selection"),
    Section("performance", "How well the model does"),
    Section("combined", "Clinical, radiomics and combined models"),
    Section("centres", "Scanners and centres"),
    Section("protocols", "What other protocols would have claimed"),
    Section("chance", "Against chance"),
    Section("sample_size", "Are there enough lesions?"),
    Section("subgroups", "Subgroups"),
    Section("limitations", "Limitations"),
    Section("methods", "Methods, to be pasted into a paper"),
    Section("checklists", "Reporting checklists", apart=True),
    Section("files", "Files beside this page"),
]


def as_they_are(rows: list[dict]) -> list[dict]:
    """Return rows with readable headings."""
    return [{name.replace("_", " "): cell for name, cell in row.items()} for row in rows]


def grouped(rows: list[dict]) -> list[dict]:
    """Return rows that name the variable of the first column once for all its levels."""
    first = next(iter(rows[0]))
    before = [None, *(row[first] for row in rows)]
    return [row | {first: "" if row[first] == last else row[first]} for row, last in zip(rows, before, strict=False)]


def checklist_items() -> list[Item]:
    """Return the tables of the checklists; any report has them."""
    return [
        Item(f"{file}.csv", "checklists", f"{name} with this report's answers", as_they_are, kind="checklist")
        for name, file in checklists.FILES.items()
    ]


def _selection(rows: list[dict]) -> list[dict]:
    """The most frequent columns, and all that are in the model."""
    shown = [row for i, row in enumerate(rows) if i < MOST_BARS // 3 or row["in_model"]]
    return [
        {
            "feature": row["feature"],
            "in the model": "yes" if row["in_model"] else "no",
            "coefficient": number(row["coefficient"], 3) if row["coefficient"] != "" else "",
        }
        | ({"folds that chose it": row["folds_chosen"], "of": row["folds"]} if row["folds"] else {})
        for row in shown
    ]


def _performance(rows: list[dict]) -> list[dict]:
    return [
        {
            "class": _class(row["class"]),
            "rows": row["rows"],
            "lesions": row["lesions"],
            "AUC (95% CI)": interval([row["auc"], row["low"], row["high"]]),
            "optimism": _known(row["optimism"], 2),
            "Brier": _known(row["brier"], 3),
            "calibration slope": _known(row["slope"], 2),
            "intercept": _known(row["intercept"], 2),
        }
        for row in rows
    ]


def _class(name: str) -> str:
    return "mean of the classes" if name == "macro" else name


def _known(value: float | str | None, digits: int) -> str:
    return "" if value is None or isinstance(value, str) else number(value, digits)


def _operating_points(rows: list[dict]) -> list[dict]:
    return [
        {"class": row["class"], "rows": row["rows"], "threshold": _known(row["threshold"], 3)}
        | {
            rate.upper() if rate in ("ppv", "npv") else rate: interval(
                [row[rate], row[f"{rate}_low"], row[f"{rate}_high"]]
            )
            for rate in RATES
        }
        for row in rows
    ]


def _claims(rows: list[dict]) -> list[dict]:
    return [
        {"protocol": row["protocol"], "splits": row["splits"]}
        | {f"{name} AUC": number(row[name]) for name in ("median", "lowest", "highest")}
        for row in rows
    ]


def _subgroups(rows: list[dict]) -> list[dict]:
    return [
        {
            "column": row["column"],
            "subgroup": row["subgroup"],
            "class": row["class"],
            "lesions": row["lesions"],
            "of the class": row["positives"],
            "AUC (95% CI)": interval([row["auc"], row["low"], row["high"]]),
        }
        for row in rows
    ]


def _models(rows: list[dict]) -> list[dict]:
    return [
        {
            "model": row["model"],
            "rows": row["rows"],
            "class": row["class"],
            "AUC (95% CI)": interval([row["auc"], row["low"], row["high"]]),
            "Brier": number(row["brier"], 3),
            "calibration slope": number(row["calibration_slope"]),
            "intercept": number(row["calibration_intercept"]),
        }
        | {_at(name): number(row[name], 3) for name in row if name.startswith("net_benefit")}
        for row in grouped(rows)
    ]


def _at(name: str) -> str:
    """Name a column that ends with a threshold."""
    what, _, threshold = name.rpartition("_")
    return f"{what.replace('_difference', '').replace('_', ' ')} at {threshold}"


def _comparison(rows: list[dict]) -> list[dict]:
    parts = {"nri_events": "NRI events", "nri_nonevents": "NRI non-events", "idi_events": "IDI events",
             "idi_nonevents": "IDI non-events"}  # fmt: skip
    return [
        {
            "rows": row["rows"],
            "class": row["class"],
            "models": f"{row['first']} less {row['second']}",
            "AUC difference (95% CI)": interval([row["auc_difference"], row["low"], row["high"]]),
            "P": baseline.p_in_words(row["p"]),
        }
        | {_at(name): number(row[name], 3) for name in row if name.startswith("net_benefit")}
        | {shown: number(row[name], 3) for name, shown in parts.items()}
        for row in rows
    ]


def _odds_ratios(rows: list[dict]) -> list[dict]:
    return [
        {
            "model": row["model"],
            "class": f"{row['class']} against {row['against']}",
            "term": row["term"],
            "level": f"{row['level']} vs {row['reference']}" if row["level"] else f"per {row['per']}",
            "OR (95% CI)": interval([row["odds_ratio"], row["low"], row["high"]]),
            "P": baseline.p_in_words(row["p"]),
        }
        for row in grouped(rows)
    ]


def _centres(rows: list[dict]) -> list[dict]:
    return [
        {
            "centre": row["centre"],
            "evidence": row["evidence"],
            "class": row["class"],
            "lesions": row["lesions"],
            "events": row["events"],
            "AUC (95% CI)": interval([row["auc"], row["low"], row["high"]]),
            "calibration slope": _known(row["calibration_slope"], 2),
            "Brier": _known(row["brier"], 3),
            "gain by ComBat (95% CI)": interval([row["auc_gain"], row["gain_low"], row["gain_high"]]),
            "note": row["note"],
        }
        for row in grouped(rows)
    ]


ITEMS = [
    Item("flow.csv", "flow", "From the table to the rows that were analysed", drawn=flow.diagram),
    Item("table1_outcome.csv", "baseline", "Baseline characteristics by outcome", grouped),
    Item("table1_split.csv", "baseline", "Baseline characteristics of training and test rows", grouped),
    Item("column_steps.csv", "features", "Columns left after each step of the selection", as_they_are),
    Item("lasso.png", "features", "The LASSO: coefficients and held-out error over the penalty"),
    Item("weights.png", "features", "Coefficients of the selected features"),
    Item("selection.png", "features", "How often features were chosen over the outer folds"),
    Item("selection.csv", "features", "Features by how often the outer folds chose them", _selection),
    Item("radscores.png", "features", "Radscores of the training rows by true class, by the final model"),
    Item("radscores_test.png", "features", "Radscores of the test rows by true class"),
    Item("performance.csv", "performance", "Discrimination and calibration", _performance),
    Item("operating_points.csv", "performance", "Operating points", _operating_points),
    Item("performance.png", "performance", "ROC curves, calibration, net benefit and interventions avoided"),
    Item("confusion.png", "performance", "True and called classes"),
    Item("model_performance.csv", "combined", "The three models", _models),
    Item("comparison.csv", "combined", "Differences between the models on rows that they had not seen", _comparison),
    Item("models.png", "combined", "ROC, calibration and decision curves of the three models on unseen rows"),
    Item("odds_ratios.csv", "combined", "Odds ratios of the clinical and the combined model", _odds_ratios),
    Item("nomogram.png", "combined", "Nomogram of the combined model"),
    Item("combined_probabilities.csv", "files", "each lesion's probabilities by the clinical and the combined model"),
    Item("centres.csv", "centres", "Performance by centre", _centres),
    Item("centres.png", "centres", "AUC by centre"),
    Item("protocols_summary.csv", "protocols", "The AUC that each protocol claims over its splits", _claims),
    Item("protocols.png", "protocols", "What each protocol claims on the same lesions"),
    Item("permutations.png", "chance", "AUC with true and with shuffled outcomes"),
    Item("subgroups.csv", "subgroups", "AUC by subgroup", _subgroups),
    Item("subgroups.png", "subgroups", "AUC by subgroup"),
    Item("settings.csv", "methods", "Settings of the training, beside those of the published study", as_they_are),
    *checklist_items(),
    Item("card.txt", "files", "the model's card"),
    Item("metrics.json", "files", "every measure with its interval and method, settings, sample size, versions"),
    Item("table1.json", "files", "the numbers of the baseline tables with every digit"),
    Item("out_of_fold.csv", "files", "each lesion's probabilities, by models that had not seen its patient"),
    Item("test_probabilities.csv", "files", "each test lesion's probabilities"),
    Item("training_probabilities.csv", "files", "each training lesion's probabilities by the model fitted on it"),
    Item("radscores.csv", "files", "each lesion's radscore by the final model"),
    Item("lasso_path.csv", "files", "held-out error and coefficients at each penalty that was visited"),
    Item("calibration.csv", "files", "the points of the calibration curves"),
    Item("decision_curve.csv", "files", "net benefit and interventions avoided at each threshold"),
    Item("protocols.csv", "files", "the AUC that each protocol claims, split by split"),
    Item("permuted.csv", "files", "the AUC on each permutation of the outcomes"),
]
