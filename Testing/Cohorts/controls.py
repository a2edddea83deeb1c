"""What the three protocols claim on published feature tables: one with a signal, one said to have none, and permuted.

python Testing/Cohorts/controls.py ../shared/data [--repeats 10] [--permutations 20] [--jobs 2]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from pathlib import Path

import numpy as np
from MammoRadiomicsLib import evaluation, protocols, validation
from MammoRadiomicsLib.lesions import Lesions
from MammoRadiomicsLib.progress import as_lines, silent
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings

# File, column of the outcome, columns that are no features.
TABLES = {
    "PROSTATEx (FAE)": ("fae_prostatex_table/numeric_feature.csv", "label", ("", "CaseName")),
    "Petrillo 2023": ("radiomics_tables/Petrillo2023.csv.gz", "Target", ("", "ID")),
    "Zhang 2024": ("radiomics_tables/Zhang2024B.csv.gz", "Target", ("", "ID")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--permutations", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="progress on standard error")
    options = parser.parse_args()
    settings = TrainingSettings(repeats=options.repeats, permutations=options.permutations)
    progress = as_lines() if options.verbose else silent
    print("| table | rows x columns | nested | permuted, nested | study, training | study, test | leaky |")
    print("|---|---|---|---|---|---|---|")
    for name, source in TABLES.items():
        data = read(options.data, *source)
        stable = StableColumns.all(len(data.names))
        found = validation.cross_validate(data, stable, settings, progress, options.jobs)
        evidence, permuted = found.evidence, found.permuted
        nested = [evaluation.mean_auc(each) for each in evidence.each_repeat()]
        claims = {"training": [], "test": [], "leaky": []}
        with validation.quick_and_single():
            for seed in range(protocols.SEEDS):
                for rows, auc in protocols.study(data, stable, settings, seed).items():
                    claims[rows].append(auc)
                claims["leaky"].append(protocols.leaky(data, stable, settings, seed))
        cells = [in_words(aucs) for aucs in (nested, permuted, *claims.values())]
        spread = float(evidence.probabilities[:, :, 1].mean(axis=0).std())
        print(
            f"| {name} | {data.values.shape} | " + " | ".join(cells) + f" | SD of predictions {spread:.2f} |",
            flush=True,
        )


def read(folder: Path, name: str, outcome: str, others: tuple[str, ...]) -> Lesions:
    """Return a published table as lesions of one patient each."""
    path = folder / name
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    names = tuple(column for column in rows[0] if column not in (outcome, *others))
    values = np.array([[float(row[column]) for column in names] for row in rows])
    target = np.array([int(float(row[outcome])) for row in rows])
    keys = tuple((str(i), "", "1") for i in range(len(rows)))
    return Lesions(keys, names, values, target, ("0", "1"), ("",))


def in_words(aucs: list[float]) -> str:
    return f"{np.mean(aucs):.2f} ({min(aucs):.2f} to {max(aucs):.2f})" if aucs else "-"


if __name__ == "__main__":
    main()
