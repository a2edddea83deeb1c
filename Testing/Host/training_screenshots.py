"""Render the panel of MammoRadiomicsTraining outside Slicer in its main states, with phantoms.

python Testing/Host/training_screenshots.py --output FOLDER
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
from dark_style import darken
from MammoRadiomicsHost import application
from MammoRadiomicsHost.api import MODULE_FILES

WIDTH = 480
GROUPS = ("extractionSettings", "views", "stability", "univariate", "balance", "lasso", "predictors", "validation")
FEATURES = (
    "original_shape2D_Sphericity", "original_firstorder_Entropy", "original_glcm_Contrast", "original_ngtdm_Coarseness",
    "log-sigma-1-mm-3D_firstorder_RootMeanSquared", "wavelet-HH_glszm_ZonePercentage", "gradient_firstorder_Mean",
)  # fmt: skip


def made_cohort(folder: Path) -> Path:
    """Write a cohort of phantoms, with its images, and return its table."""
    from MammoRadiomicsLib import command_line

    command_line.main(["phantoms", "--output", str(folder), "--patients", "24"])
    return folder / "cohort.csv"


def features_of(cohort: Path) -> Path:
    """Write a few features of each outline, which is a matter of seconds and not of minutes, and return the table."""
    from MammoRadiomicsLib import cohort as cohorts
    from MammoRadiomicsLib import extraction, features, imaging, tables

    rows = []
    for row in cohorts.read_cohort(cohort):
        found = features.extract(*imaging.read_case(row["image"], row["mask"]), "mammo-2d", list(FEATURES))
        roi = {"preset": "mammo-2d", "pixel_spacing_mm": "", "roi_pixels": ""}
        rows.append(extraction.identity(row) | roi | found)
    tables.write_rows(cohort.with_name("features.csv"), rows)
    return cohort.with_name("features.csv")


def spoiled(cohort: Path) -> Path:
    """Write a copy of a cohort with the mistakes that people make, and return it."""
    from MammoRadiomicsLib import tables

    rows = tables.read_rows(cohort)
    rows[1]["mask"] = ""
    rows[2]["view"] = "LAT"
    rows[4]["slnm"] = "positive"
    rows[5]["label"] = "lesion"
    tables.write_rows(cohort.with_name("cohort-2.csv"), rows)
    return cohort.with_name("cohort-2.csv")


def wait_until(condition) -> None:
    while not condition():
        slicer.app.processEvents()
        time.sleep(0.01)


def render(panel, path: Path) -> None:
    """Save a picture of the panel, as high as it wants to be."""
    holder = panel.parent._qt
    holder.show()
    for _ in range(3):
        # Wrapped text needs its width before it knows its height.
        holder.resize(WIDTH, holder.sizeHint().height())
        slicer.app.processEvents()
    holder.grab().save(str(path))
    print(path)


def take(panel, folder: Path, everything: bool) -> None:
    """Go through the states of the panel as a user does, and render those that the README shows, or all of them."""
    ui = panel.ui

    def also(state: str) -> None:
        if everything:
            render(panel, folder / f"MammoRadiomicsTraining-{state}.png")

    also("empty")
    cohort = made_cohort(Path("phantoms"))
    ui.cohortPathLineEdit.currentPath = str(spoiled(cohort))
    ui.checkButton.click()
    wait_until(lambda: not panel.data.checking)
    render(panel, folder / "MammoRadiomicsTraining-problems.png")

    ui.cohortPathLineEdit.currentPath = str(cohort)
    ui.outputFolderPathLineEdit.currentPath = str(cohort.parent / "results")
    ui.settingsCollapsibleButton.collapsed = False
    for name, value in (("foldsSpinBox", 3), ("lassoFoldsSpinBox", 5), ("repeatsSpinBox", 2)):
        getattr(ui, name).value = value
    ui.presetComboBox.currentIndex = ui.purposeComboBox.currentIndex = 1
    ui.validationGroupBox.collapsed = False
    also("ready")
    ui.outlinesCollapsibleButton.collapsed = False
    also("outlines")
    ui.outlinesCollapsibleButton.collapsed = True
    for name in GROUPS:
        getattr(ui, f"{name}GroupBox").collapsed = False
    render(panel, folder / "MammoRadiomicsTraining-settings.png")
    ui.settingsCollapsibleButton.collapsed = True

    ui.runButton.click()
    wait_until(lambda: "left" in ui.statusLabel.text or not panel.run.running)
    also("running")
    ui.cancelButton.click()
    ui.featuresPathLineEdit.currentPath = str(features_of(cohort))
    ui.runButton.click()
    wait_until(lambda: not panel.run.running)
    render(panel, folder / "MammoRadiomicsTraining.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the PNG files")
    parser.add_argument("--all", action="store_true", help="every state, not only those of the README")
    parser.add_argument("--dark", action="store_true", help="in the colours of Slicer's dark style")
    options = parser.parse_args()
    folder = options.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    application.start()
    if options.dark:
        darken()
    from MammoRadiomicsGui import child

    modules = {name: application.load_module(path) for name, path in MODULE_FILES.items()}
    panel = application.open_module(modules["MammoRadiomicsTraining"])
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        take(panel, folder, options.all)
        application.close_module(panel)
        wait_until(lambda: not child._closing)
        os.chdir(folder)


if __name__ == "__main__":
    main()
