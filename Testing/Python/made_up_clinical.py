"""Made-up tables with clinical columns beside the features, and models trained on them."""

import functools

import numpy as np
from made_up import a_table
from MammoRadiomicsLib import learning
from MammoRadiomicsLib.predictors import Predictors
from MammoRadiomicsLib.settings import TrainingSettings
from MammoRadiomicsLib.tables import FeatureTable

QUICK = TrainingSettings(calibration_folds=3, lasso_folds=3, folds=3)
PREDICTORS = Predictors(("age", "breast_density"))
GRADES = ("1", "2", "3")


def a_clinical_table(
    lesions: int = 60, classes: tuple[str, ...] = ("0", "1"), age_effect: float = 8.0, seed: int = 3
) -> FeatureTable:
    """Return a feature table with age, which rises with the class, and density, which tells nothing."""
    table, rng = a_table(lesions=lesions, classes=classes), np.random.default_rng(seed)
    values: dict[str, dict[str, str]] = {}
    for row in table.rows:
        if row["patient_id"] not in values:
            age = 50 + age_effect * classes.index(row["outcome"]) + 10 * rng.standard_normal()
            density = str(rng.choice(list("ABCD"), p=[0.1, 0.4, 0.3, 0.2]))
            values[row["patient_id"]] = {"age": f"{age:.1f}", "breast_density": density}
    return FeatureTable([row | values[row["patient_id"]] for row in table.rows], table.names, table.values)


def without_signal(table: FeatureTable, seed: int = 7) -> FeatureTable:
    """Return the table with features that tell nothing of the class."""
    return FeatureTable(table.rows, table.names, np.random.default_rng(seed).standard_normal(table.values.shape))


@functools.cache
def a_combined_training(classes: tuple[str, ...] = ("0", "1")) -> learning.Training:
    """Return a training with clinical predictors."""
    return learning.train(
        a_clinical_table(lesions=30 * len(classes), classes=classes), "outcome", QUICK, predictors=PREDICTORS
    )
