"""What goes wrong with images and cohorts: each command says it in one sentence, and nothing is lost."""

import shutil

import faults
import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import a_mammogram
from faults import Fault, a_folder, cut, edit, link, pixels, remove, write

ONE = "extract --image 0.nrrd --mask 0_mask.nrrd --preset quick.yaml --output f.csv"
ALL = "extract --cohort cohort.csv --preset quick.yaml --output f.csv"
SCAN = "cohort scan . --output proposed.csv"
CHECK = "cohort check cohort.csv"
INSPECT = "inspect 0.nrrd"
# A cohort's run keeps what it does while it works.
KEPT = ("f.journal", "f.lock")
WRITTEN = (*KEPT, "f.csv", "f.failures.csv", "f.run.json")
HUGE = b"NRRD0004\ntype: float\ndimension: 3\nsizes: 200000 200000 1\nspacings: 0.1 0.1 1\nencoding: raw\n\n"


def with_value(value: float):
    """Return what puts a value into one pixel."""

    def change(image: sitk.Image) -> sitk.Image:
        image = sitk.Cast(image, sitk.sitkFloat32)
        image[30, 30, 0] = value
        return image

    return change


def elsewhere(mask: sitk.Image) -> sitk.Image:
    mask.SetOrigin((50.0, 0.0, 0.0))
    return mask


def one_pixel(mask: sitk.Image) -> sitk.Image:
    mask = mask * 0
    mask[30, 30, 0] = 1
    return mask


def a_tomosynthesis(folder):
    a_mammogram(folder / "0.dcm", "DBT")


def a_cut_dicom_file(folder):
    path = a_mammogram(folder / "0.dcm")
    path.write_bytes(path.read_bytes()[:-500])


OF_ONE = [
    Fault(ONE, "no such image", "0.nrrd. Check the path", remove("0.nrrd")),
    Fault(
        ONE,
        "an empty image file",
        "The image 0.nrrd cannot be read as an image: it is damaged, cut short or none",
        write("0.nrrd", ""),
    ),
    Fault(ONE, "a text named .nrrd", "The image 0.nrrd cannot be read as an image", write("0.nrrd", "hello\n")),
    Fault(ONE, "a header that claims 160 GB", "The image 0.nrrd cannot be read as an image", write("0.nrrd", HUGE)),
    Fault(
        ONE,
        "a mask file cut in the middle",
        "The mask 0_mask.nrrd cannot be read as an image: it is damaged, cut short or none",
        cut("0_mask.nrrd", 40),
    ),
    Fault(
        ONE, "an image that is a folder", "The image 0.nrrd is no file: 0.nrrd. Give one image file", a_folder("0.nrrd")
    ),
    Fault(ONE, "a dangling link", "The image 0.nrrd does not exist", link("0.nrrd", "gone.nrrd")),
    Fault(ONE, "a link to itself", "The image 0.nrrd does not exist", link("0.nrrd", "0.nrrd")),
    Fault(ONE, "NaN in the lesion", "has 1 pixels that are not finite numbers", pixels("0.nrrd", with_value(np.nan))),
    Fault(
        ONE, "infinity in the lesion", "has 1 pixels that are not finite numbers", pixels("0.nrrd", with_value(np.inf))
    ),
    Fault(
        ONE,
        "a constant image",
        "has the value 0 in every pixel. Pick another image",
        pixels("0.nrrd", lambda image: image * 0),
    ),
    Fault(
        ONE,
        "a mask of another place",
        "The mask lies elsewhere than the image: origin 50, 0, 0 against 0, 0, 0",
        pixels("0_mask.nrrd", elsewhere),
    ),
    Fault(
        ONE,
        "a mask of another size",
        "The mask has 50 x 60 pixels and the image 70 x 60",
        pixels("0_mask.nrrd", lambda mask: mask[:50]),
    ),
    Fault(
        ONE,
        "a mask of one pixel",
        "covers 1 x 1 pixels; texture needs at least 2 x 2",
        pixels("0_mask.nrrd", one_pixel),
    ),
    Fault(
        ONE,
        "an empty mask",
        "The mask is empty: not one pixel is outlined",
        pixels("0_mask.nrrd", lambda mask: mask * 0),
    ),
    Fault(ONE, "the image given as its mask", "The mask has 0 pixels of label 1", link("0_mask.nrrd", "0.nrrd")),
    Fault(ONE + " --label 2", "a label that is not there", "(labels present: 1). Pick another label"),
    Fault(ONE + " --label 0", "the background as label", "Label 0 is the background of a mask"),
    Fault(ONE + " --spacing 0", "a pixel spacing of 0", "A pixel spacing of 0 mm is impossible"),
    Fault(ONE + " --spacing nan", "a pixel spacing of NaN", "A pixel spacing of nan mm is impossible"),
    Fault(ONE + " --spacing -1", "a negative spacing", "A pixel spacing of -1 mm is impossible"),
    Fault(ONE + " --spacing wide", "a spacing in words", "argument --spacing: invalid float value: 'wide'. See"),
    Fault(
        ONE,
        "a colour image",
        "is a colour image with 3 values a pixel",
        pixels("0.nrrd", lambda image: sitk.Compose([image] * 3)),
    ),
    Fault(
        ONE,
        "a stack",
        "is a stack of 70 x 60 x 4 pixels",
        pixels("0.nrrd", lambda image: sitk.JoinSeries([image[:, :, 0]] * 4)),
    ),
    Fault(
        ONE,
        "no spacing in the file",
        "The mask lies elsewhere than the image: spacing 0.05",
        pixels("0.nrrd", lambda image: sitk.GetImageFromArray(sitk.GetArrayFromImage(image))),
    ),
    Fault(ONE.replace("0.nrrd", "0.dcm"), "a tomosynthesis", "is breast tomosynthesis", a_tomosynthesis),
    Fault(
        ONE.replace("0.nrrd", "0.dcm"),
        "a DICOM file cut in the middle",
        "is cut short: 1900 bytes of pixels are there",
        a_cut_dicom_file,
    ),
    Fault(
        ONE,
        "a preset that is no YAML",
        "Preset quick.yaml is not a pyradiomics parameter file",
        write("quick.yaml", "a: ["),
    ),
    Fault(
        ONE,
        "a preset with an object in it",
        "could not determine a constructor",
        write("quick.yaml", "!!python/object/apply:os.system ['touch owned']"),
    ),
    Fault(
        ONE,
        "a preset with an unknown class",
        "Feature Class secondorder is not recognized",
        edit("quick.yaml", "firstorder", "secondorder"),
    ),
    Fault(ONE.replace("f.csv", "0.nrrd"), "the output over the image", "0.nrrd is read and would be overwritten"),
    Fault(
        ONE.replace("f.csv", "f.csv/f.csv"),
        "an output below a file",
        "f.csv is a file and no folder. Choose another folder",
    ),
    Fault(
        ONE,
        "the output a dangling link",
        "1 outlines x 27 features",
        link("f.csv", "gone/f.csv"),
        0,
        ("f.failures.csv", "f.run.json", "gone", "gone/f.csv"),
    ),
    Fault(ONE, "the output a link to itself", "f.csv is no file that can be written", link("f.csv", "f.csv")),
    Fault(ONE, "the output a link to the image", "f.csv is read and would be overwritten", link("f.csv", "0.nrrd")),
    Fault(ONE + " --perturb -1", "fewer than no outlines", "-1 perturbed outlines cannot be made; ask for 0 or more"),
]
OF_ALL = [
    Fault(ALL, "no such cohort", "cohort.csv cannot be read (No such file or directory)", remove("cohort.csv")),
    Fault(ALL, "an empty cohort", "cohort.csv has no rows. Check that it is the right file", write("cohort.csv", "")),
    Fault(ALL, "a header without rows", "cohort.csv has no rows", write("cohort.csv", "patient_id,image,mask\n")),
    Fault(
        ALL,
        "Latin-1 letters",
        "is not UTF-8 text (line 2)",
        write("cohort.csv", "patient_id,image,mask\nM\xfcller,a,b\n".encode("latin-1")),
    ),
    Fault(ALL, "an image named .csv", "is not UTF-8 text", lambda f: shutil.copy(f / "0.nrrd", f / "cohort.csv")),
    Fault(ALL, "no column patient_id", "The table has no column patient_id", edit("cohort.csv", "patient_id", "id")),
    Fault(
        ALL,
        "two columns of one name",
        "two columns of the same name (view). Rename one",
        edit("cohort.csv", "laterality", "view"),
    ),
    Fault(
        ALL,
        "a row with a cell too many",
        "Row 3 of cohort.csv has 9 cells, the header 8",
        edit("cohort.csv", "P1,L", "P1,x,L"),
    ),
    Fault(
        ALL,
        "a quotation mark never closed",
        "look for a quotation mark that is missing",
        edit("cohort.csv", "P1,L", '"P1,L'),
    ),
    Fault(
        ALL,
        "all images missing",
        "No outline could be used; f.failures.csv says why",
        edit("cohort.csv", "image", "picture"),
        leaves=(*KEPT, "f.failures.csv"),
    ),
    Fault(ALL, "one image missing", "There is no file 2.nrrd", remove("2.nrrd"), 1, WRITTEN),
    Fault(
        ALL,
        "a row that is there twice",
        "The row repeats row 2. Delete it",
        lambda f: (f / "cohort.csv").write_text((f / "cohort.csv").read_text() + "P0,L,CC,0.nrrd,0_mask.nrrd,1,,0\n"),
        1,
        WRITTEN,
    ),
    Fault(ALL, "one picture of two patients", "Case P1", lambda f: shutil.copy(f / "0.nrrd", f / "1.nrrd"), 1, WRITTEN),
    Fault(
        ALL,
        "mixed pixel spacings without resampling",
        "The cohort mixes pixel spacings: 0.05 mm (3 rows), 0.3 mm (1 rows)",
        edit("cohort.csv", "0_mask.nrrd,1,", "0_mask.nrrd,1,0.3"),
    ),
    Fault(ALL, "a path that leaves through a loop", "There is no file 3.nrrd", link("3.nrrd", "3.nrrd"), 1, WRITTEN),
    Fault(
        ALL,
        "a control character in a path",
        "There is no file 3\x07.nrrd",
        edit("cohort.csv", "3.nrrd", "3\x07.nrrd"),
        1,
        WRITTEN,
    ),
    Fault(ALL, "a path of 5000 letters", "There is no file xxx", edit("cohort.csv", "3.nrrd", "x" * 5000), 1, WRITTEN),
    Fault(
        ALL,
        "a journal that is something else",
        "f.journal is no journal of this version. Delete it",
        write("f.journal", "my diary\n"),
        leaves=("f.lock",),
    ),
    Fault(ALL, "the journal a folder", "f.journal is no file that can be written", a_folder("f.journal")),
    Fault(
        ALL,
        "the journal a link to the cohort",
        "f.journal is read and would be overwritten",
        link("f.journal", "cohort.csv"),
    ),
    Fault(ALL, "the lock a folder", "f.lock is no file that can be written", a_folder("f.lock")),
    Fault(ALL + " --jobs 0", "no process", "0 processes cannot compute anything"),
    Fault(ALL + " --jobs many", "processes in words", "argument --jobs: invalid int value: 'many'"),
    Fault(
        ALL + " --scheduler nowhere",
        "a scheduler without a port",
        "No Dask scheduler answers at nowhere. Check the address",
        leaves=KEPT,
    ),
    Fault(
        ALL + " --preset mammo", "a preset's name misspelt", "There is no preset 'mammo'. Use study-1409 or mammo-2d"
    ),
]
OF_FOLDERS = [
    Fault(INSPECT, "a missing file", "The image 0.nrrd does not exist", remove("0.nrrd")),
    Fault(INSPECT, "an empty file", "The image 0.nrrd cannot be read as an image", write("0.nrrd", "")),
    Fault(INSPECT, "a table", "The image 0.nrrd cannot be read as an image", link("0.nrrd", "cohort.csv")),
    Fault("inspect .", "a folder", "is no file: .. Give one image file"),
    Fault("inspect 'none\x00.nrrd'", "a name that no file can have", "does not exist"),
    Fault(INSPECT, "NaN", "has 1 pixels that are not finite numbers", pixels("0.nrrd", with_value(np.nan))),
    Fault("inspect 0.dcm", "a DICOM file cut", "is cut short", a_cut_dicom_file),
    Fault("inspect /dev/zero", "a device", "is no file: /dev/zero"),
    Fault("cohort scan none --output proposed.csv", "a missing folder", "There is no folder none. Check the path"),
    Fault(
        "cohort scan report --output proposed.csv",
        "a folder without images",
        "report holds no image with a mask that fits",
    ),
    Fault("cohort scan 0.nrrd --output proposed.csv", "a file for a folder", "There is no folder 0.nrrd"),
    Fault(SCAN.replace("proposed", "cohort"), "a cohort that exists", "cohort.csv exists and may have been edited"),
    Fault(SCAN, "a loop of folders", "4 outlines of 4 patients", link("again", "."), 0, ("proposed.csv",)),
    Fault(
        SCAN,
        "a damaged image among others",
        "1 files left out: cannot be read as an image",
        write("1.nrrd", "x"),
        0,
        ("proposed.csv", "proposed.left_out.csv"),
    ),
    Fault(
        SCAN,
        "no mask fits",
        "holds no image with a mask that fits",
        lambda f: [(f / f"{i}.nrrd").unlink() for i in range(4)],
    ),
    Fault(CHECK, "a missing cohort", "cohort.csv cannot be read", remove("cohort.csv")),
    Fault(CHECK, "an unknown view", "cohort.csv has errors, 1 in all", edit("cohort.csv", "CC", "cc")),
    Fault(CHECK, "a patient of two outcomes", "cohort.csv has errors, 2 in all", edit("cohort.csv", "P1,L", "P0,L")),
    Fault(CHECK + " --spacing 0", "a spacing of 0", "A pixel spacing of 0 mm is impossible for the images"),
    Fault("cohort", "no action", "the following arguments are required: ACTION. See"),
]


@pytest.mark.parametrize("fault", [*OF_ONE, *OF_ALL, *OF_FOLDERS], ids=str)
def test_it_is_said_in_one_sentence_and_nothing_is_lost(fault, broken_folder, record_property):
    faults.check(fault, broken_folder, record_property)
