"""Cohorts of 838 made-up patients: clinical columns follow the study's Table 1, SLNM its multivariable Table 2.

    python Testing/Cohorts/clinical_cohort.py --baseline ../shared/paper/table1_baseline.csv --output cohort.csv
    python -m MammoRadiomicsLib clinical --cohort cohort.csv --outcome slnm --split split --predictors study --report D

Every column is drawn independently with the published shares; the study says nothing of how they hang together. It
prints one odds ratio for each variable, whose interval is as wide as that of the last level against the first; the
levels between are set at equal steps on the log scale. All other columns have no effect.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

SLNM = "Sentinel lymph node metastasis"
PATIENTS, TRAINING = 838, 588
# Variable, the level without effect first, odds ratio of the last level.
EFFECTS = {
    "Ethnicity": (("Han", "minority"), 1.48),
    "Lesion size (cm)": (("<=2", ">2"), 0.35),
    "Vascular tumor thrombus": (("none", "present"), 4.27),
    "Clinical stage": (("I", "II", "III", "IV"), 25.00),
    "Mass margin": (("smooth", "spiculated"), 2.85),
    "HER2 expression": (("zero", "low", "positive"), 1.84),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--baseline", type=Path, required=True, help="table1_baseline.csv")
    parser.add_argument("--output", type=Path, required=True, help="cohort.csv to write")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    columns = draw(read_shares(options.baseline), np.random.default_rng(options.seed))
    with options.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["patient_id", "split", *columns])
        for i, row in enumerate(zip(*columns.values(), strict=True)):
            writer.writerow([f"made-up-{i + 1:03d}", "train" if i < TRAINING else "test", *row])


def read_shares(path: Path) -> dict[str, dict[str, float]]:
    """Return the share of each level of each variable, the outcome not among them."""
    counts: dict[str, dict[str, float]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counts.setdefault(row["variable"], {})[row["level"]] = float(row["total"])
    counts.pop(SLNM)
    return {name: {level: n / sum(own.values()) for level, n in own.items()} for name, own in counts.items()}


def true_effects() -> dict[tuple[str, str], float]:
    """Return the log odds ratio of each level that has one, against the first level of its variable."""
    return {
        (name, level): np.log(ratio) * i / (len(levels) - 1)
        for name, (levels, ratio) in EFFECTS.items()
        for i, level in enumerate(levels)
    }


def draw(shares: dict[str, dict[str, float]], rng: np.random.Generator, patients: int = PATIENTS) -> dict[str, list]:
    """Return the columns of one cohort, ``slnm`` last; on average 413 of 838 patients have it."""
    columns = {
        name: rng.choice(list(own), patients, p=list(own.values())).tolist()
        for name, own in shares.items()
    }  # fmt: skip
    effects = true_effects()
    linear = np.array(
        [sum(effects.get((name, columns[name][i]), 0.0) for name in EFFECTS) for i in range(patients)]
    )  # fmt: skip
    risk = 1 / (1 + np.exp(-(linear + _constant(shares))))
    return {**columns, "slnm": (rng.random(patients) < risk).astype(int).tolist()}


def _constant(shares: dict[str, dict[str, float]], prevalence: float = 413 / 838) -> float:
    """Return the constant that gives the prevalence over all combinations of levels."""
    linear, weight = np.zeros(1), np.ones(1)
    effects = true_effects()
    for name, (levels, _) in EFFECTS.items():
        linear = (linear[:, None] + [effects[name, level] for level in levels]).ravel()
        weight = (weight[:, None] * [shares[name][level] for level in levels]).ravel()
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        too_high = weight @ (1 / (1 + np.exp(-(linear + middle)))) > prevalence
        low, high = (low, middle) if too_high else (middle, high)
    return (low + high) / 2


if __name__ == "__main__":
    main()
