"""What is written beside a trained model, so that its numbers can be checked and drawn again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from . import evaluation, performance_figures, report_files, report_tables, report_text, training_figures
from .prediction import outcome_names
from .tables import rows_to_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .learning import Training

SUMMARY = "report.md"


def write(
    training: Training, claims: list[dict], folder: str | Path, subgroup_columns: tuple[str, ...] = ()
) -> list[Path]:
    """Write summary, card, tables and figures of a training into a folder; all of them or, on an error, none.

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
        Columns of the table in whose parts performance is shown.

    Returns
    -------
    list of Path
        What was written, the summary first.

    Raises
    ------
    InputError
        When the folder cannot be written to, or a column makes no subgroups.
    """
    subgroups = report_tables.subgroups(training, subgroup_columns)
    contents: dict[str, str | bytes] = {"card.txt": training.model.card + "\n", "metrics.json": _metrics(training)}
    for name, rows in _tables(training, claims, subgroups).items():
        contents[f"{name}.csv"] = rows_to_csv(report_tables.without_formulas(rows))
    for name, figure in _figures(training, claims, subgroups).items():
        contents |= report_files.pictures(name, figure)
    summary = report_text.summary(training, claims, subgroups, list(contents))
    paths = report_files.write_all(Path(folder), {SUMMARY: summary, **contents})
    _remove_stale(Path(folder), {path.name for path in paths})
    return paths


def _metrics(training: Training) -> str:
    manifest = training.model.manifest
    parts = {key: manifest[key] for key in ("metrics", "training", "versions")}
    return json.dumps(parts | {"sample_size": training.sample_size}, indent=1) + "\n"


def _tables(training: Training, claims: list[dict], subgroups: list[dict]) -> dict[str, list[dict]]:
    """Return the rows of each table by its name; those without rows are left out."""
    tables = {
        name: report_tables.probabilities(
            training.evidence[key], training.test_lesions if key == "test" else training.lesions
        )
        for key, name in report_tables.PROBABILITIES.items()
        if key in training.evidence
    }
    *others, path = training.lasso
    tables |= {
        "radscores": report_tables.radscore_rows(training),
        "lasso_path": report_tables.lasso(path),
        **{f"lasso_path_{i}": report_tables.lasso(other) for i, other in enumerate(others)},
        "selection": report_tables.selection(training),
        "calibration": report_tables.calibrations(training),
        "decision_curve": report_tables.decision_curves(training),
        "protocols": claims,
        "permuted": report_tables.permutations(training),
        "subgroups": subgroups,
    }
    return {name: rows for name, rows in tables.items() if rows}


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


def _remove_stale(folder: Path, written: set[str]) -> None:
    """Remove what an earlier report wrote and this one did not: another training's numbers."""
    known = set(report_text.FILES) | {name.replace(".png", ".svg") for name in report_text.FILES}
    known |= {path.name for path in folder.glob("lasso_path_*.csv")}
    for name in known - written:
        (folder / name).unlink(missing_ok=True)
