"""Radiomics of mammograms without a GUI: features, models, predictions.

The same library serves the two Slicer modules, Slicer's Python console, a terminal
(``python -m MammoRadiomicsLib``) and a cluster. Importing it costs nothing; each submodule imports what it needs.
"""

__version__ = "0.1.0"
