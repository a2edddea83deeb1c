"""A made-up table of several scanners, each with its own location and scale of every feature."""

import dataclasses

import numpy as np
from made_up import a_table
from MammoRadiomicsLib import lesions
from MammoRadiomicsLib.lesions import Lesions
from MammoRadiomicsLib.tables import FeatureTable

SCANNERS = ("Alpha", "Beta", "Gamma")


def a_table_of_scanners(count: int = 120, scanners: tuple[str, ...] = SCANNERS, shift: float = 25.0) -> FeatureTable:
    """Return a table of one view whose column ``scanner`` says where each lesion was imaged.

    The class moves three features by 12, at an SD of 10; a scanner moves each feature by an SD of `shift`.
    """
    table = a_table(lesions=count, features=20, views=("",))
    rng = np.random.default_rng(4)
    moves = {name: rng.normal(0, shift, len(table.names)) for name in scanners}
    stretches = {name: rng.uniform(0.5, 2, len(table.names)) for name in scanners}
    values = table.values.copy()
    for i, row in enumerate(table.rows):
        # Two rows hold both classes, so that every scanner has as many of each.
        row["scanner"] = scanners[(i // 2) % len(scanners)]
        values[i] = 100 + (values[i] - 100) * stretches[row["scanner"]] + moves[row["scanner"]]
    return dataclasses.replace(table, values=values)


def lesions_of_scanners(*arguments, **options) -> Lesions:
    """Return the lesions of :func:`a_table_of_scanners` with their scanners."""
    return lesions.from_table(a_table_of_scanners(*arguments, **options), "outcome", centre="scanner")
