"""Nested training against scikit-learn's plain LASSO: seconds for one outer fold, and peak memory.

    python Testing/Benchmarks/bench_training.py features.csv cohort.csv slnm her2

An outer fold of ours fits the selection once for the model and once for each calibration fold, with SMOTE redone in
every fold of the LASSO. Plain is scikit-learn's LassoCV with the same penalties, folds and tolerance on the same rows;
one path of it is timed on the columns that pass the t/F filter, and multiplied by the number of paths.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from MammoRadiomicsLib import cohort, lasso, lasso_svm, lesions, selection, tables, validation
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings
from sklearn.linear_model import lasso_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("outcomes", nargs="+")
    parser.add_argument("--plain-limit", type=int, default=50, metavar="N", help="penalties of the plain path timed")
    options = parser.parse_args()
    table = cohort.with_cohort(tables.read_features(options.features), cohort.read_cohort(options.cohort))
    settings = TrainingSettings()
    print("| outcome | rows x columns | outer fold, s | plain LASSO, s | ratio | peak memory, MB |")
    print("|---|---|---|---|---|---|", flush=True)
    for outcome in options.outcomes:
        data = lesions.from_table(table, outcome)
        _, rows, _ = next(validation._outer_folds(data, 1, settings))
        known = data.take(rows)
        ours = seconds(lambda known=known: fit(known, settings))
        paths = (settings.calibration_folds + 1) * (settings.lasso_folds + 1)
        plain = paths * seconds(lambda known=known: plain_path(known, settings, options.plain_limit))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {outcome} | {known.values.shape} | {ours:.1f} | {plain:.0f} | {plain / ours:.0f} | {memory:.0f} |",
            flush=True,
        )


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fit(known: lesions.Lesions, settings: TrainingSettings) -> None:
    with validation.quick_and_single():
        lasso_svm.fit(known.values, known.target, known.patients, StableColumns.all(known.values.shape[1]), settings)


def plain_path(known: lesions.Lesions, settings: TrainingSettings, limit: int) -> None:
    """One path on nine tenths of the rows, as LassoCV computes for one of ten folds."""
    rows = np.arange(len(known.target)) % settings.lasso_folds != 0
    values, target = known.values[rows], known.target[rows]
    z = (values - values.mean(axis=0)) / np.where(values.std(axis=0) > 0, values.std(axis=0), 1)
    z = np.asfortranarray(z[:, selection.differing_columns(z, target, settings.p_value)])
    lasso_path(
        z - z.mean(axis=0), target - target.mean(), alphas=selection.penalties(settings)[:limit],
        max_iter=lasso.ITERATIONS, tol=lasso.TOLERANCE,
    )  # fmt: skip


if __name__ == "__main__":
    main()
