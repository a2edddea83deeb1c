"""What is written beside a trained model, so that its numbers can be checked and drawn again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import evaluation
from ..clinical import baseline
from ..prediction import outcome_names
from ..tables import rows_to_csv
from . import (
    centre_figures,
    checklists,
    combined_report,
    performance_figures,
    report_answers,
    report_cohort,
    report_files,
    report_page,
    report_tables,
    report_text,
    training_figures,
)
from .report_items import ITEMS, SECTIONS
from .report_page import Item, Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..learning import Training

SUMMARY = "report.html"
_EARLIER = ("report.md",)


def write(
    training: Training, claims: list[dict], folder: str | Path, subgroup_columns: tuple[str, ...] = ()
) -> list[Path]:
    """Write page, card, tables and figures of a training into a folder; all of them or, on an error, none.

    What an earlier report left there under the names of this one is replaced or removed; other files stay.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    claims : list of dict
        As :func:`.protocols.compare` returns them; may be empty.
    folder : path
        Made if missing.
    subgroup_columns : tuple of str
        Columns of the table in whose parts performance is shown; by default those that reporting guidelines ask for.

    Returns
    -------
    list of Path
        What was written, the page first.

    Raises
    ------
    InputError
        When the folder cannot be written to, or a column makes no subgroups.
    """
    training = report_cohort.with_interval(training)
    subgroups = report_cohort.subgroups(training, subgroup_columns)
    table1 = report_cohort.baseline_tables(training)
    tables = _tables(training, claims, subgroups, table1)
    contents: dict[str, str | bytes] = {"card.txt": training.model.card + "\n", "metrics.json": _metrics(training)}
    if table1:
        contents["table1.json"] = json.dumps(table1, indent=1, allow_nan=False) + "\n"
    for name, rows in tables.items():
        contents[f"{name}.csv"] = rows_to_csv(report_tables.without_formulas(rows))
    for name, figure in _figures(training, claims, subgroups).items():
        contents |= report_files.pictures(name, figure)
    paths = report_files.write_all(Path(folder), {SUMMARY: _page(training, tables, contents), **contents})
    _remove_stale(Path(folder), {path.name for path in paths})
    return paths


def _page(training: Training, tables: dict[str, list[dict]], contents: dict[str, str | bytes]) -> str:
    items = [*ITEMS, *_other_paths(contents)]
    pictures = {name: each for name, each in contents.items() if name.endswith(".png") and isinstance(each, bytes)}
    frame = Page(items, {f"{name}.csv": rows for name, rows in tables.items()}, pictures)
    title = f"{outcome_names(training.model.outcome)[0]}: a LASSO-SVM and how far to trust it"
    texts = report_text.sections(training, tables) | {"files": report_page.files(items, list(contents))}
    return frame.write(title, report_text.status(training), SECTIONS, texts)


def _other_paths(names: Iterable[str]) -> list[Item]:
    others = sorted(name for name in names if name.startswith("lasso_path_"))
    return [Item(name, "files", "the LASSO's path for another class against the rest") for name in others]


def _metrics(training: Training) -> str:
    manifest = training.model.manifest
    parts = {key: manifest[key] for key in ("metrics", "training", "versions")}
    return json.dumps(parts | {"sample_size": training.sample_size}, indent=1) + "\n"


def _tables(
    training: Training, claims: list[dict], subgroups: list[dict], table1: dict[str, dict]
) -> dict[str, list[dict]]:
    """Return the rows of each table by its name; those without rows are left out."""
    tables = {
        name: report_tables.probabilities(training.evidence[key], training.rows_of(key))
        for key, name in report_tables.PROBABILITIES.items()
        if key in training.evidence
    }
    *others, path = training.lasso
    tables |= {name: baseline.as_rows(each) for name, each in table1.items()}
    tables |= {
        "flow": report_cohort.steps(training),
        "column_steps": report_tables.column_steps(training),
        "settings": report_tables.settings_used(training),
        "performance": report_tables.performance(training),
        "operating_points": report_tables.operating_points(training),
        "protocols_summary": report_tables.claims_summary(claims),
        "radscores": report_tables.radscore_rows(training),
        "lasso_path": report_tables.lasso(path),
        **{f"lasso_path_{i}": report_tables.lasso(other) for i, other in enumerate(others)},
        "selection": report_tables.selection(training),
        "calibration": report_tables.calibrations(training),
        "decision_curve": report_tables.decision_curves(training),
        "protocols": claims,
        "permuted": report_tables.permutations(training),
        "subgroups": subgroups,
        "centres": training.centres.rows if training.centres else [],
        **combined_report.tables(training),
    }
    tables = {name: rows for name, rows in tables.items() if rows}
    return tables | checklists.tables(report_answers.answers(training, subgroups, tables))


def _figures(training: Training, claims: list[dict], subgroups: list[dict]) -> dict[str, Figure]:
    model, data = training.model, training.lesions
    metrics = model.manifest["metrics"]
    title, names = outcome_names(model.outcome)
    classes = tuple(names.get(name, name) for name in model.classes)
    lesions = len(data.target)
    figures = {
        "performance": performance_figures.performance(training),
        "confusion": performance_figures.confusion(metrics, classes),
        "lasso": training_figures.lasso(training.lasso, classes, lesions),
        "weights": training_figures.weights(model),
        **_radscores(training, classes),
    }
    if training.selected:
        figures["selection"] = training_figures.selection_frequency(training.selected, model.feature_names)
    if claims:
        claimed = f"{title}: what each protocol claims on the same table (n = {lesions} lesions)"
        figures["protocols"] = training_figures.protocol_claims(claims, claimed)
    if training.permuted:
        observed = evaluation.mean_auc(training.evidence["cross_validated"])
        figures["permutations"] = training_figures.permutations(observed, training.permuted)
    figures |= combined_report.figures(training)
    if training.centres:
        figures["centres"] = centre_figures.performance(training.centres.rows, training.centres.column)
    if subgroups:
        key = performance_figures.unseen(training.evidence)[0]
        figures["subgroups"] = performance_figures.subgroups(subgroups, metrics[key]["auc"])
    return figures


def _radscores(training: Training, classes: tuple[str, ...]) -> dict[str, Figure]:
    scores = report_tables.radscores(training, training.lesions)
    # One LASSO for each class: the radscore is that of the last class.
    several = len(training.lasso) > 1
    target = training.lesions.target
    cuts = training_figures.cut_offs(scores, (target == len(classes) - 1).astype(int) if several else target)
    figures = {"radscores": training_figures.radscores(scores, target, classes, cuts)}
    if training.test_lesions is not None:
        kept = training.test_lesions
        scores = report_tables.radscores(training, kept)
        figures["radscores_test"] = training_figures.radscores(scores, kept.target, classes, cuts, "test")
    return figures


def file_names(folder: str | Path) -> set[str]:
    """Return the names of files that a report writes or removes in a folder."""
    known = {name for item in ITEMS for name in (item.file, item.file.replace(".png", ".svg"))}
    return known | {SUMMARY, *_EARLIER} | {path.name for path in Path(folder).glob("lasso_path_*.csv")}


def _remove_stale(folder: Path, written: set[str]) -> None:
    """Remove what an earlier report wrote and this one did not: another training's numbers."""
    for name in file_names(folder) - written:
        (folder / name).unlink(missing_ok=True)
