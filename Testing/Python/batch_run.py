"""A run over a cohort that notes what it computes, for tests that kill it: COHORT PRESET OUTPUT JOBS LOG."""

import os
import sys

from MammoRadiomicsLib import batch, cohort, presets

compute = batch.compute


def compute_noting(case: batch.Case) -> dict:
    result = compute(case)
    log = os.open(os.environ["BATCH_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{case.key}\n".encode())
    os.close(log)
    return result


def main(cohort_path: str, preset: str, output: str, jobs: str) -> None:
    batch.compute = compute_noting
    batch.extract(cohort.read_cohort(cohort_path), presets.load(preset), output, batch.Settings(jobs=int(jobs)))


if __name__ == "__main__":
    main(*sys.argv[1:])
