"""Cohorts of phantoms: how many patients have what."""

import numpy as np
import pytest
from MammoRadiomicsLib import command_line, phantoms
from MammoRadiomicsLib.cohort import read_cohort
from MammoRadiomicsLib.errors import InputError


def outcomes(cohort_csv, column: str) -> str:
    """Return the outcomes of all patients in a row, read from their CC views."""
    return "".join(row[column] for row in read_cohort(cohort_csv) if row["view"] == "CC")


def test_the_command_makes_as_many_positive_patients_as_asked(capsys, tmp_path):
    arguments = ["phantoms", "--patients", "10", "--prevalence", "0.2", "--output", str(tmp_path)]
    assert command_line.main(arguments) == 0
    assert outcomes(tmp_path / "cohort.csv", "slnm").count("1") == 2
    assert len(list(tmp_path.glob("*_lesion.nrrd"))) == 20


def test_half_of_the_patients_are_positive_as_in_earlier_releases(tmp_path):
    assert outcomes(phantoms.write_cohort(tmp_path, 7), "slnm") == "1000011"


@pytest.mark.parametrize(("patients", "prevalence", "positive"), [(100, 0.29, 29), (838, 0.2, 167), (9, 0.5, 4)])
def test_positives_are_counted_in_whole_patients(patients, prevalence, positive):
    assert phantoms._evenly_positive(patients, prevalence).sum() == positive


@pytest.mark.parametrize("prevalence", [0, 1, -0.2, np.nan])
def test_refuses_an_impossible_prevalence(tmp_path, prevalence):
    with pytest.raises(InputError, match="between 0 and 1"):
        phantoms.write_cohort(tmp_path / "p", 10, prevalence=prevalence)
    assert not (tmp_path / "p").exists()
