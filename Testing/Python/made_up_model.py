"""Models fitted on made-up tables, once for all tests of a run; how well they do is not measured."""

import dataclasses
import functools

from made_up import a_table
from MammoRadiomicsLib import assembly, lasso_svm, lesions, presets
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings
from MammoRadiomicsLib.trained_model import Model

QUICK = TrainingSettings(calibration_folds=3, lasso_folds=3)


MANY_FEATURES = dataclasses.replace(QUICK, p_value=1.0, alpha_min=2e-3, alpha_max=2e-3, alpha_count=1)


@functools.cache
def a_model(classes: tuple[str, ...] = ("0", "1"), settings: TrainingSettings = QUICK) -> Model:
    """Return a model of the column ``outcome``."""
    data = lesions.from_table(a_table(classes=classes), "outcome", classes=classes)
    fitted = lasso_svm.fit(data.values, data.target, data.patients, StableColumns.all(len(data.names)), settings)
    manifest = assembly.manifest_of(data, presets.load("study-1409"), settings)
    manifest |= {"outcome": "outcome", "pixel_spacing_mm": 0.1, "metrics": {}, "thresholds": None}
    return assembly.assemble(fitted, data, manifest)


def features_of(model: Model, value: float = 0.0) -> dict[str, float]:
    """Return features that lie `value` training SDs from the mean."""
    values = model.arrays["mean"] + value * model.arrays["scale"]
    return dict(zip(model.feature_names, values.tolist(), strict=True))
