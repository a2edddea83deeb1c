"""Every problem of a cohort.csv, with its row, its column and a remedy, before any work starts."""

import time

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import cohort_check, command_line, phantoms, tables
from MammoRadiomicsLib.errors import InputError


def write_image(path, size=(40, 30), spacing_mm=0.1, value=0):
    rng = np.random.default_rng(value)
    image = sitk.GetImageFromArray(rng.integers(0, 4000, (1, size[1], size[0])).astype(np.uint16))
    image.SetSpacing((spacing_mm, spacing_mm, 1))
    sitk.WriteImage(image, str(path))


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        write_image(tmp_path / f"{i}.nrrd", value=i)
        write_image(tmp_path / f"{i}_mask.nrrd", value=i)
    return tmp_path


def a_row(i: int, **changes) -> dict[str, str]:
    files = {"image": f"{i}.nrrd", "mask": f"{i}_mask.nrrd"}
    return {"patient_id": f"P{i}", "laterality": "L", "view": "CC", **files, "slnm": "0"} | changes


def found_in(rows, folder, **options) -> list[tuple]:
    problems = cohort_check.check(rows, folder, **options)
    for each in problems:
        assert str(each).endswith(".")
    return [(each.row, each.column, each.severity) for each in problems]


def test_a_good_cohort_has_no_problem(folder):
    assert found_in([a_row(0), a_row(1), a_row(2, view="MLO")], folder) == []


@pytest.mark.parametrize(
    ("changes", "column", "severity", "sentence"),
    [
        ({"patient_id": ""}, "patient_id", "error", "The row has no patient_id"),
        ({"laterality": "left"}, "laterality", "error", "'left' is no laterality. Use L, R"),
        ({"view": "cc"}, "view", "error", "'cc' is no view. Use CC, MLO"),
        ({"slnm": "yes"}, "slnm", "error", "'yes' is no slnm. Use 0, 1"),
        ({"her2": "low positive"}, "her2", "error", "Use zero, low, positive"),
        ({"her2_ihc": "2"}, "her2_ihc", "error", "Use 0, 1[+], 2[+], 3[+]"),
        ({"her2_ihc": "2+", "her2_fish": "+"}, "her2_fish", "error", "Use negative, positive"),
        ({"her2_ihc": "2+"}, "her2_fish", "warning", "IHC 2[+] without FISH"),
        ({"label": "1.5"}, "label", "error", "'1.5' is no label"),
        ({"label": "0"}, "label", "error", "'0' is no label"),
        ({"pixel_spacing_mm": "0,07"}, "pixel_spacing_mm", "error", "'0,07' is not a number. Write it with a decimal"),
        ({"pixel_spacing_mm": "70"}, "pixel_spacing_mm", "error", "70 mm is impossible"),
        ({"pixel_spacing_mm": "nan"}, "pixel_spacing_mm", "error", "nan mm is impossible"),
        ({"image": "none.nrrd"}, "image", "error", "There is no file none.nrrd. Paths are relative to"),
        ({"mask": "sub/none.nrrd"}, "mask", "error", "There is no file sub/none.nrrd"),
        ({"mask": "x" * 300}, "mask", "error", "There is no file xxx"),
        ({"label": "9" * 40}, "label", "error", "is no label"),
        ({"image": "C:\\data\\a.dcm"}, "image", "error", "There is no file C:.* Correct it"),
        ({"image": ""}, "image", "error", "names no image beside its mask"),
        ({"mask": ""}, "mask", "error", "names no mask beside its image"),
        ({"image": "", "mask": ""}, "image", "warning", "no image and no mask"),
        ({"laterality": "", "view": "", "label": "255", "slnm": ""}, None, None, None),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_column(folder, changes, column, severity, sentence):
    problems = cohort_check.check([a_row(0), a_row(1, **changes)], folder, numbers=[2, 9])
    if column is None:
        assert problems == []
        return
    (problem,) = problems
    assert (problem.row, problem.column, problem.severity) == (9, column, severity)
    with pytest.raises(InputError, match=sentence):
        raise InputError(str(problem))


def test_a_table_without_patients_is_refused_as_a_whole(folder):
    problems = cohort_check.check([{"patient": "P1"}], folder)
    assert [(each.row, each.column) for each in problems] == [(None, "patient_id")]
    with pytest.raises(InputError, match="no column patient_id"):
        cohort_check.refused_rows(problems)


def test_rows_that_are_there_twice_are_told_apart(folder):
    rows = [a_row(0), a_row(0), a_row(0, mask="1_mask.nrrd"), a_row(0, lesion_id="2"), a_row(0, reader="B")]
    rows.append(a_row(0, lesion_id="1"))
    problems = cohort_check.check(rows, folder)
    assert [(each.row, each.column) for each in problems] == [(3, "lesion_id"), (4, "lesion_id"), (7, "lesion_id")]
    assert "repeats row 2. Delete it" in str(problems[0])
    assert "is the same patient, lesion, view and reader as row 2" in str(problems[1])


def test_outcomes_contradict_within_a_lesion_and_may_differ_between_lesions(folder):
    rows = [
        a_row(0),
        a_row(0, view="MLO", slnm="1"),
        a_row(0, lesion_id="2", slnm="1"),
        a_row(0, laterality="R", slnm="1"),
        a_row(0, reader="B", slnm=""),
    ]
    problems = cohort_check.check(rows, folder)
    assert [(each.row, each.column, each.severity) for each in problems] == [(3, "slnm", "error")]
    assert "has the slnm '1' here and '0' in row 2" in str(problems[0])
    assert cohort_check.refused_rows(problems) == {}


def test_spellings_of_one_patient_are_noticed(folder):
    spellings = ["P1", "p1", "P 1", "P-01", "P11", "P\uff11", "p1"]
    rows = [a_row(i % 4, patient_id=each, lesion_id=str(i), image="", mask="") for i, each in enumerate(spellings)]
    problems = [each for each in cohort_check.check(rows, folder) if each.column == "patient_id"]
    assert [each.row for each in problems] == [3, 4, 5, 7]
    assert {each.severity for each in problems} == {"warning"}
    assert "'p1' is written 'P1' in row 2" in str(problems[0])


def test_one_picture_of_two_patients_is_an_error_under_any_name(folder):
    (folder / "copy.nrrd").write_bytes((folder / "0.nrrd").read_bytes())
    rows = [a_row(0), a_row(1, image="0.nrrd"), a_row(2, image="copy.nrrd"), a_row(0, view="MLO", image="copy.nrrd")]
    assert found_in(rows, folder) == [(3, "image", "error"), (4, "image", "error")]


def test_absolute_paths_are_a_warning(folder):
    assert found_in([a_row(0, image=str(folder / "0.nrrd"))], folder) == [(2, "image", "warning")]


def test_backslashes_of_windows_are_understood(folder):
    (folder / "sub").mkdir()
    write_image(folder / "sub" / "9.nrrd", value=9)
    assert found_in([a_row(0, image="sub\\9.nrrd")], folder) == []


def test_mixed_spacings_depend_on_the_preset(folder):
    write_image(folder / "1.nrrd", spacing_mm=0.07, value=1)
    write_image(folder / "2.nrrd", spacing_mm=0.1005, value=2)
    rows = [a_row(0), a_row(1), a_row(2)]
    assert found_in(rows, folder) == [(None, "pixel_spacing_mm", "warning")]
    assert found_in(rows, folder, resamples=True) == []
    problems = cohort_check.check(rows, folder, resamples=False)
    with pytest.raises(InputError, match=r"mixes pixel spacings: 0.07 mm \(1 rows\), 0.1 mm .* such as mammo-2d"):
        cohort_check.refused_rows(problems)
    assert found_in([row | {"pixel_spacing_mm": "0.1"} for row in rows], folder, resamples=False) == []
    assert found_in([a_row(0), a_row(2)], folder, resamples=False) == []


def test_an_unknown_spacing_is_found_before_extraction(folder):
    write_image(folder / "0.nrrd", spacing_mm=1.0)
    assert found_in([a_row(0)], folder) == [(2, "pixel_spacing_mm", "error")]
    assert found_in([a_row(0)], folder, spacing_mm=0.1) == []


def test_a_mask_of_another_size_and_a_file_that_is_no_image_are_found(folder):
    write_image(folder / "0_mask.nrrd", size=(41, 30))
    (folder / "1.nrrd").write_text("no image")
    (folder / "2_mask.nrrd").write_text("no mask")
    problems = cohort_check.check([a_row(0), a_row(1), a_row(2)], folder)
    assert [(each.row, each.column) for each in problems] == [(2, "mask"), (3, "image"), (4, "mask")]
    assert "The mask has 41 x 30 pixels and the image 40 x 30" in str(problems[0])
    assert str(problems[2]).startswith("The mask 2_mask.nrrd")


def test_the_row_may_contradict_the_image(folder):
    write_image(folder / "P1_R_MLO.nrrd")
    row = a_row(0, image="P1_R_MLO.nrrd")
    assert found_in([row], folder) == [(2, "laterality", "warning"), (2, "view", "warning")]


def a_dicom_file(path, storage: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = storage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.Modality, dataset.PhotometricInterpretation = "MG", "MONOCHROME2"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 30, 40, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.ImagerPixelSpacing = [0.1, 0.1]
    dataset.PixelData = np.random.default_rng(len(storage)).integers(0, 4000, 1200).astype("<u2").tobytes()
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)


def test_images_for_processing_and_for_presentation_do_not_mix(folder):
    for i, storage in enumerate(("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1")):
        a_dicom_file(folder / f"{i}.dcm", storage)
    rows = [a_row(i, image=f"{i}.dcm") for i in range(2)]
    problems = cohort_check.check(rows, folder)
    assert [(each.row, each.column, each.severity) for each in problems] == [(None, "image", "warning")]
    assert "1 FOR PRESENTATION, 1 FOR PROCESSING" in str(problems[0])


def test_thousands_of_rows_are_checked_in_seconds(folder):
    rows = [a_row(i % 4, patient_id=f"P{i}", image="", mask="") for i in range(5000)]
    start = time.process_time()
    assert len(cohort_check.check(rows, folder)) == 5000
    assert time.process_time() - start < 5


def test_the_command_prints_a_table_and_its_exit_code_says_whether_there_are_errors(folder, capsys):
    tables.write_rows(folder / "good.csv", [a_row(0, image=str(folder / "0.nrrd"))])
    assert command_line.main(["cohort", "check", str(folder / "good.csv")]) == 0
    assert "1 rows, 0 errors, 1 warnings" in capsys.readouterr().out
    tables.write_rows(folder / "bad.csv", [a_row(0, view="cc", label="1"), a_row(1, label="x")])
    assert command_line.main(["cohort", "check", str(folder / "bad.csv")]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["row", "column", "problem", "and", "remedy"]
    assert lines[1] == "2    error  view    'cc' is no view. Use CC, MLO or leave it empty."
    assert lines[-1].startswith("2 rows, 2 errors, 0 warnings")


def test_extraction_lists_bad_rows_as_failures_and_stops_for_a_bad_table(tmp_path, capsys):
    phantoms.write_cohort(tmp_path, patients=1)
    rows = tables.read_rows(tmp_path / "cohort.csv")
    rows = [*rows, rows[0] | {"patient_id": ""}, rows[0], rows[1] | {"patient_id": "P2", "view": "cc"}]
    tables.write_rows(tmp_path / "cohort.csv", rows)
    (tmp_path / "quick.yaml").write_text(
        "imageType: {Original: {}}\nfeatureClass: {firstorder: [Mean]}\nsetting: {force2D: true}\n"
    )
    command = ["extract", "--cohort", tmp_path / "cohort.csv", "--preset", tmp_path / "quick.yaml", "--output"]
    assert command_line.main([str(each) for each in (*command, tmp_path / "f.csv")]) == 1
    failures = tables.read_rows(tmp_path / "f.failures.csv")
    assert [row["row"] for row in failures] == ["4", "5", "6"]
    assert failures[2]["reason"].startswith("Case P2 L-cc: 'cc' is no view.")
    assert len(tables.read_rows(tmp_path / "f.csv")) == 2
    tables.write_rows(
        tmp_path / "cohort.csv",
        [row | {"pixel_spacing_mm": each} for row, each in zip(rows, ("", "0.2"), strict=False)],
    )
    capsys.readouterr()
    assert command_line.main([str(each) for each in (*command, tmp_path / "g.csv")]) == 2
    assert "mixes pixel spacings" in capsys.readouterr().err
    assert not list(tmp_path.glob("g.*"))
