"""Who the patient is stands in the DICOM headers, and in nothing that this software writes, prints or logs.

Names of files and folders are the user's own and are another matter: they are in the cohort's table and in messages
about a file, where they are needed, and never in features, models, reports or scenes.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import logging
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import faults
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_files import a_mammogram
from MammoRadiomicsLib import batch, command_line, phantoms, tables
from MammoRadiomicsLib.reports import report, report_files
from panel_steps import predict

PLANTED = {
    "PatientName": "Zyxwvut^Qorlinda",
    "PatientID": "PID-QWX-77123",
    "PatientBirthDate": "19311213",
    "PatientBirthTime": "041732",
    "PatientAddress": "7 Vexillum Lane",
    "PatientTelephoneNumbers": "+99-555-70707",
    "PatientComments": "Calls herself Qori",
    "OtherPatientIDs": "OTH-88-ZED",
    "PatientBirthName": "Maidenborough",
    "AccessionNumber": "ACC-5599-XY",
    "StudyID": "STU-3141-Q",
    "StudyDate": "20111109",
    "StudyInstanceUID": "1.2.999.424242.1",
    "SeriesInstanceUID": "1.2.999.424242.2",
    "SOPInstanceUID": "1.2.999.424242.3",
    "StudyDescription": "Recall of Zyxwvut",
    "SeriesDescription": "Second look Qorlinda",
    "ImageComments": "Sister of Quobert",
    "InstitutionName": "Hospital Kryptonia",
    "InstitutionAddress": "1 Meteor Square",
    "InstitutionalDepartmentName": "Ward Umbra",
    "StationName": "STATION-ZQ9",
    "DeviceSerialNumber": "SER-606-KK",
    "ReferringPhysicianName": "Xandorius^Rex",
    "PerformingPhysicianName": "Yolandria^Vex",
    "OperatorsName": "Operatrix^Nova",
    "RequestingPhysician": "Wolframine^Ada",
    "EthnicGroup": "Atlantean",
    "Occupation": "Falconer",
}
# Parts as well: a name is split at its carets.
WORDS = sorted({part for text in PLANTED.values() for part in (text, *text.split("^")) if len(part) > 4})
ASKED_FOR = ("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyDate", "StudyInstanceUID")
# What is planted in the name of the folder.
FOLDER = "scans of Mrs Foldernamer"
PATIENTS = 20


def a_planted_mammogram(path: Path, number: int) -> None:
    """Write a mammogram of a phantom whose header names the patient, a private attribute included."""
    image, mask = phantoms.mammogram(number, size=(70, 60), diameter_mm=1.5)
    pixels = sitk.GetArrayFromImage(image)[0] // 16
    unique = {
        "PatientID": f"{PLANTED['PatientID']}-{number}",
        "SOPInstanceUID": f"{PLANTED['SOPInstanceUID']}.{number}",
    }
    a_mammogram(path, pixels=pixels.astype(np.uint16), ViewPosition="CC", ImageLaterality="L", **{**PLANTED, **unique})
    data = pydicom.dcmread(path)
    data.private_block(0x0099, "ZYXWVUT", create=True).add_new(1, "LO", PLANTED["PatientName"])
    data.save_as(path)
    mask.SetSpacing((0.1, 0.1, 1.0))
    sitk.WriteImage(mask, str(path.with_name(f"{path.stem}_mask.nrrd")))


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, bytes]:
    """All that a whole study prints, logs and writes, by what it is."""
    folder = tmp_path_factory.mktemp("study")
    (folder / FOLDER).mkdir()
    for i in range(PATIENTS):
        a_planted_mammogram(folder / FOLDER / f"{i}.dcm", i)
    cut = (folder / FOLDER / "0.dcm").read_bytes()[:-300]
    (folder / "cut.dcm").write_bytes(cut)
    (folder / "header.dcm").write_bytes(cut[:600])
    (folder / "quick.yaml").write_text(faults.QUICK_PRESET)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    level, _ = logging.getLogger().level, logging.getLogger().setLevel(logging.DEBUG)
    # Figures show the numbers of the tables beside them, and take most of the time.
    with pytest.MonkeyPatch.context() as patch:
        for module in (report, report_files):
            if hasattr(module, "pictures"):
                patch.setattr(module, "pictures", lambda name, figure: {})
        printed = _whole_study(folder)
        printed["a defect"] = _a_defect(folder, patch)
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(level)
    written = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".dcm"
    }
    return {**written, **{name: text.encode() for name, text in printed.items()}, "log": log.getvalue().encode()}


def _whole_study(folder: Path) -> dict[str, str]:
    printed = {}

    def give(command: str) -> None:
        outcome = faults.run(folder, command)
        printed[command] = outcome.out + outcome.err

    image, mask = (f"'{FOLDER}/0{end}'" for end in (".dcm", "_mask.nrrd"))
    give(f"inspect {image}")
    give(f"inspect --json {image}")
    give(f"cohort scan '{FOLDER}' --output cohort.csv --json-progress")
    rows = tables.read_rows(folder / "cohort.csv")
    assert len(rows) == PATIENTS
    tables.write_rows(
        folder / "cohort.csv", [row | {"slnm": str(i % 2), "age": str(40 + 7 * i % 13)} for i, row in enumerate(rows)]
    )
    bad = [rows[0] | {"image": "cut.dcm"}, rows[1] | {"image": "header.dcm"}, rows[2] | {"mask": "none.nrrd"}, rows[3]]
    tables.write_rows(folder / "bad.csv", bad)
    give("cohort check cohort.csv")
    give("extract --cohort cohort.csv --preset quick.yaml --output features.csv --json-progress")
    give("extract --cohort bad.csv --preset quick.yaml --output bad_features.csv")
    give(f"extract --image {image} --mask {mask} --preset quick.yaml --output one.csv")
    give("extract --image cut.dcm --mask none.nrrd --preset quick.yaml --output none.csv")
    give("inspect header.dcm")
    give(
        "train --features features.csv --cohort cohort.csv --preset quick.yaml --outcome slnm --folds 2 --p-value 0.9 "
        "--calibration-folds 2 --lasso-folds 2 --alpha-min 0.05 --alpha-max 0.1 --alpha-count 3 "
        "--output m.mammomodel --report report"
    )
    give("predict --model m.mammomodel --features features.csv --output p.csv")
    give(f"predict --model m.mammomodel --view CC --image {image} --mask {mask} --json p.json --perturb 2")
    give("predict --model m.mammomodel --view CC --image header.dcm --mask none.nrrd --json none.json")
    give("clinical --cohort cohort.csv --outcome slnm --predictors age --report clinical")
    return printed


def _a_defect(folder: Path, patch: pytest.MonkeyPatch) -> str:
    """Let the software fail in the middle of a patient."""

    def broken(*arguments, **options):
        raise ZeroDivisionError("a defect")

    patch.setattr(batch.extraction, "feature_row", broken)
    outcome = faults.run(folder, "extract --cohort cohort.csv --preset quick.yaml --output defect.csv")
    return outcome.out + outcome.err


def words_in(content: bytes, words: list[str] = WORDS) -> set[str]:
    """Return which words are in a file: as they are, in archives, and in what is written as base64."""
    found = set()
    for each in _unpacked(content):
        text = each.lower()
        for word in words:
            escaped = json.dumps(word)[1:-1]
            forms = {word.lower(), escaped.lower()}
            if any(form.encode(code) in text for form in forms for code in ("utf-8", "utf-16-le", "utf-16-be")):
                found.add(word)
    return found


def _unpacked(content: bytes):
    yield content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from _unpacked(archive.read(name))
    for text in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", content):
        try:
            yield from _unpacked(base64.b64decode(text[: len(text) // 4 * 4]))
        except (binascii.Error, zipfile.BadZipFile):
            continue


def test_the_search_finds_what_is_hidden_in_archives_and_in_base64():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", json.dumps({"name": "ZYXWVUT^Qorlinda"}))
    hidden = json.dumps({"arrays": base64.b64encode(packed.getvalue()).decode()}).encode()
    assert words_in(hidden) == {"Zyxwvut^Qorlinda", "Zyxwvut", "Qorlinda"}


def test_the_study_was_whole(told):
    expected = {"features.csv", "features.run.json", "features.journal", "m.mammomodel", "p.csv", "p.json", "one.csv",
                "bad_features.failures.csv", "defect.failures.csv"}  # fmt: skip
    assert expected <= set(told)
    assert any(name.startswith("report/") for name in told)
    assert any(name.startswith("clinical/") for name in told)
    assert b"header.dcm has no pixels" in told["inspect header.dcm"]
    assert b"unexpected ZeroDivisionError" in told["defect.failures.csv"]


def test_nothing_that_is_written_printed_or_logged_names_the_patient(told):
    assert {name: found for name, content in told.items() if (found := words_in(content))} == {}


def test_the_patient_is_named_where_it_is_asked_for(tmp_path, capsys):
    a_planted_mammogram(tmp_path / "0.dcm", 0)
    assert command_line.main(["inspect", "--identifiers", str(tmp_path / "0.dcm")]) == 0
    found = words_in(capsys.readouterr().out.encode())
    assert {PLANTED[name] for name in ASKED_FOR} <= found
    assert "Hospital Kryptonia" not in found


def test_the_panel_its_files_and_the_saved_scene_do_not_name_the_patient(
    panel, host, model_node, monkeypatch, tmp_path
):
    """The volume is loaded as Slicer loads DICOM; its own notes on the patient are in its DICOM database."""
    import qt
    import slicer
    from MammoRadiomicsLib import intake, mrml

    source, folder = tmp_path / "source", tmp_path / "results"
    source.mkdir()
    folder.mkdir()
    a_planted_mammogram(source / "0.dcm", 0)
    volume = mrml.volume_from_image(slicer.mrmlScene, intake.read(source / "0.dcm")[0], "1: MG")
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    mask = sitk.ReadImage(str(source / "0_mask.nrrd"))
    segmentation, _ = mrml.segmentation_from_mask(slicer.mrmlScene, mask, volume, "Outline")
    database = SimpleNamespace(fileForInstance=lambda uid: str(source / "0.dcm"))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    panel.ui.ccVolumeSelector.setCurrentNode(volume)
    panel.ui.ccSegmentSelector.setCurrentNode(segmentation)
    panel.ui.modelSelector.check(model_node)
    panel.ui.outlinesSpinBox.value = 2
    predict(panel)
    for name, button in (("r.csv", panel.ui.csvButton), ("r.html", panel.ui.reportButton)):
        qt.QFileDialog.answer = str(folder / name)
        button.click()
    qt.QFileDialog.answer = ""
    assert slicer.mrmlScene.WriteToMRB(str(folder / "scene.mrb"))
    assert {path.name for path in folder.iterdir()} == {"r.csv", "r.html", "scene.mrb"}
    labels = (panel.ui.ccReadLabel, panel.ui.statusLabel, panel.ui.modelLabel)
    shown = "\n".join([panel.ui.resultBrowser.plainText, *(label.text + label.toolTip for label in labels)])
    assert "left CC" in shown
    assert words_in(shown.encode()) == set()
    assert {path.name: found for path in folder.iterdir() if (found := words_in(path.read_bytes()))} == {}


def test_names_of_folders_are_only_where_a_file_must_be_found(told):
    named = {name for name, content in told.items() if words_in(content, ["Foldernamer"])}
    assert named >= {"cohort.csv", "bad.csv"}
    results = {"features.csv", "features.run.json", "features.journal", "features.failures.csv", "m.mammomodel",
               "p.csv", "p.json", "one.csv", "one.run.json"}  # fmt: skip
    assert named & results == set()
    assert not [name for name in named if name.startswith(("report/", "clinical/"))]
