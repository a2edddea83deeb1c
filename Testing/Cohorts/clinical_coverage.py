"""How often 95% intervals cover the truth: the prespecified full model, and the model screened by univariable P < 0.05.

    python Testing/Cohorts/clinical_coverage.py --baseline ../shared/paper/table1_baseline.csv [--cohorts 200]

Cohorts are those of clinical_cohort.py, with a radscore of pure noise beside their columns. Intervals are those that
the report prints: profile likelihood, by Firth's penalty where a level has no patient of one class.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import clinical_cohort
import numpy as np
from MammoRadiomicsLib.clinical import columns, models, outcomes, regression
from MammoRadiomicsLib.clinical.regression import Sample

RADSCORE = "radscore"


@dataclass
class Coverage:
    """How many intervals were seen, and how many covered, by term."""

    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    covered: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, model: dict, truth: dict[tuple[str, str], float]) -> None:
        for term in model["terms"]:
            key = term["variable"], term["level"]
            true = np.exp(truth.get(key, 0.0) - truth.get((term["variable"], term["reference"]), 0.0))
            low, high = term["profile_low"] or 0.0, term["profile_high"] or np.inf
            self.seen[key] = self.seen.get(key, 0) + 1
            self.covered[key] = self.covered.get(key, 0) + (low <= true <= high)

    def share(self, keys) -> float:
        """Return the share of intervals of some terms that covered."""
        keys = [key for key in keys if key in self.seen]
        return sum(self.covered[key] for key in keys) / max(sum(self.seen[key] for key in keys), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--baseline", type=Path, required=True, help="table1_baseline.csv")
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    full, screened, by_firth = simulate(options.baseline, options.cohorts, options.seed)
    print(f"{options.cohorts} cohorts, {by_firth} of the full models by Firth's penalty")
    print("| term | full model | screened model | times screened in |\n|---|---|---|---|")
    for key in full.seen:
        name = f"{key[0]}: {key[1]}" if key[1] else key[0]
        kept = screened.seen.get(key, 0)
        print(f"| {name} | {full.share([key]):.3f} | {screened.share([key]):.3f} | {kept} |" if kept else
              f"| {name} | {full.share([key]):.3f} | - | 0 |")  # fmt: skip
    real = [key for key in full.seen if key[0] in clinical_cohort.EFFECTS]
    idle = [key for key in full.seen if key not in real and key[0] != RADSCORE]
    for name, keys in (("with an effect", real), ("without an effect", idle), ("all", list(full.seen))):
        print(f"| {name} | {full.share(keys):.3f} | {screened.share(keys):.3f} | |")


def simulate(baseline: Path, cohorts: int, seed: int) -> tuple[Coverage, Coverage, int]:
    """Return the coverage of the full and of the screened model, and how many full models needed Firth's penalty."""
    shares, truth = clinical_cohort.read_shares(baseline), clinical_cohort.true_effects()
    references = {name: max(own, key=own.get) for name, own in shares.items()}
    rng = np.random.default_rng(seed)
    full, screened, by_firth = Coverage(), Coverage(), 0
    for _ in range(cohorts):
        drawn = clinical_cohort.draw(shares, rng)
        outcome = outcomes.read("slnm", [str(label) for label in drawn.pop("slnm")], {})
        variables = [columns.variable(name, cells) for name, cells in drawn.items()]
        variables.append(columns.Variable(RADSCORE, columns.IMAGING, rng.normal(size=len(outcome.target))))
        rows = np.arange(len(outcome.target))
        sample = Sample(rows, rows, references)
        contrast = outcomes.contrasts(outcome)[0]
        of_all = regression.fit(contrast, variables, sample)
        by_firth += of_all["method"] == models.FIRTH
        full.add(of_all, truth)
        screened.add(_screened(contrast, variables, sample), truth)
    return full, screened, by_firth


def _screened(contrast, variables: list, sample: Sample) -> dict:
    alone = [regression.fit(contrast, [each], sample, profile=False)["tests"] for each in variables]
    chosen = [each for each, tests in zip(variables, alone, strict=True) if tests[0]["p"] < regression.SCREENED_BELOW]
    return regression.fit(contrast, chosen, sample)


if __name__ == "__main__":
    main()
