"""Small feature tables with a known signal, for tests of learning and of model files."""

import numpy as np
from MammoRadiomicsLib import presets
from MammoRadiomicsLib.tables import FeatureTable


def a_table(lesions: int = 60, features: int = 30, classes: tuple[str, ...] = ("0", "1"), views=("CC", "MLO")):
    """Return a feature table in which three columns follow the class, with the outcome in the column ``outcome``."""
    rng = np.random.default_rng(20)
    names = presets.load("study-1409").feature_names()[14 : 14 + features]
    rows, values = [], []
    for i in range(lesions):
        label = i % len(classes)
        signal = np.zeros(features)
        signal[:3] = 1.2 * label
        lesion = rng.standard_normal(features) + signal
        for view in views:
            rows.append(
                {"patient_id": f"P{i:03d}", "view": view, "preset": "study-1409", "pixel_spacing_mm": "0.1"}
                | {"outcome": classes[label]}
            )
            values.append(100 + 10 * lesion + rng.standard_normal(features))
    return FeatureTable(rows, names, np.array(values))
