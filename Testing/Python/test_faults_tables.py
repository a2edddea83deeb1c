"""What goes wrong with tables and models: each command says it in one sentence, and nothing is lost."""

import json
import shutil
import zipfile

import faults
import pytest
from faults import QUICK_TRAINING, Fault, a_folder, cut, edit, link, remove, write
from MammoRadiomicsLib import tables

STABILITY = "stability --features repeated.csv --output icc.csv"
TRAIN = f"train --features features.csv --outcome outcome {QUICK_TRAINING} --output m.mammomodel --report report"
TABLE = "predict --model good.mammomodel --features new.csv --output p.csv"
IMAGE = "predict --model good.mammomodel --view CC --image 0.nrrd --mask 0_mask.nrrd --json p.json"
CLINICAL = "clinical --cohort clinical.csv --outcome slnm --report report"
SEGMENTER = "train-segmenter --cohort cohort.csv --epochs 1 --folds 2 --output s.mammosegmenter"
PHANTOMS = "phantoms --patients 1 --output made"


def column(table: str, name: str, value: str, row: int | None = None):
    """Return what fills a column of a table, or one cell of it."""

    def do(folder):
        rows = tables.read_rows(folder / table)
        for each in rows if row is None else [rows[row]]:
            each[name] = value
        tables.write_rows(folder / table, rows)

    return do


def feature(table: str, value: str, row: int = 2):
    """Return what puts a value into the first feature of a row."""
    return lambda folder: column(table, _features(folder / table)[0], value, row)(folder)


def constant(folder):
    """Give every feature the same value in all rows."""
    for name in _features(folder / "features.csv"):
        column("features.csv", name, "1")(folder)


def _features(path) -> list[str]:
    return [name for name in tables.read_rows(path)[0] if name.startswith("original_")]


def kept(table: str, choose):
    """Return what keeps some rows of a table; `choose` takes and returns them."""
    return lambda folder: tables.write_rows(folder / table, choose(tables.read_rows(folder / table)))


def manifest(**changes):
    """Return what changes the manifest of the model, hash and all else as they are."""

    def do(folder):
        with zipfile.ZipFile(folder / "good.mammomodel") as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        parts["manifest.json"] = json.dumps(json.loads(parts["manifest.json"]) | changes).encode()
        with zipfile.ZipFile(folder / "good.mammomodel", "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)

    return do


def report_leads_to(target: str):
    """Return what puts a link into the place of the report's folder."""
    return lambda folder: [shutil.rmtree(folder / "report"), (folder / "report").symlink_to(target)]


OF_STABILITY = [
    Fault(STABILITY, "a missing table", "cannot be read (No such file or directory)", remove("repeated.csv")),
    Fault(
        STABILITY,
        "no features in the table",
        "has no feature columns such as original_firstorder_Mean. Make it with 'extract'",
        lambda f: shutil.copy(f / "clinical.csv", f / "repeated.csv"),
    ),
    Fault(
        STABILITY,
        "one outline of each case",
        "Add a second reader, or extract with --perturb",
        kept("repeated.csv", lambda rows: rows[::2]),
    ),
    Fault(STABILITY, "one case", "Agreement needs two cases", kept("repeated.csv", lambda rows: rows[:2])),
    Fault(
        STABILITY,
        "NaN in a feature",
        "1 features are constant or not finite and have none",
        feature("repeated.csv", "nan"),
        0,
        ("icc.csv",),
    ),
    Fault(
        STABILITY, "an outline that is there twice", "is in the table twice (row", column("repeated.csv", "reader", "A")
    ),
    Fault(
        STABILITY,
        "no patient",
        "of the table has no patient_id. Every row needs one",
        column("repeated.csv", "patient_id", ""),
    ),
    Fault(
        STABILITY.replace("icc.csv", "repeated.csv"), "the output over the table", "is read and would be overwritten"
    ),
    Fault(STABILITY.replace("icc.csv", "report"), "the output a folder", "report is no file that can be written"),
    Fault(STABILITY.replace("icc.csv", "/dev/full"), "the output a device", "/dev/full is no file that can be written"),
]
OF_TRAIN = [
    Fault(TRAIN, "a missing table", "cannot be read (No such file or directory)", remove("features.csv")),
    Fault(
        TRAIN,
        "text in a feature",
        "row 4, column original_firstorder_10Percentile holds 'high', which is not a finite number",
        feature("features.csv", "high"),
    ),
    Fault(TRAIN, "NaN in a feature", "holds 'nan', which is not a finite number", feature("features.csv", "nan")),
    Fault(TRAIN, "infinity in a feature", "holds 'inf', which is not a finite number", feature("features.csv", "inf")),
    Fault(
        TRAIN,
        "an enormous number",
        "holds '1e308', which is not a finite number, or too large",
        feature("features.csv", "1e308"),
    ),
    Fault(TRAIN, "every feature constant", "Every feature has the same value in all rows", constant),
    Fault(TRAIN.replace("outcome outcome", "outcome grade"), "an outcome that is no column", "The table has no column"),
    Fault(
        TRAIN.replace("outcome outcome", "outcome slnm") + " --cohort cohort.csv",
        "a cohort of other patients",
        "Case P000 CC has features but no row in the cohort",
    ),
    Fault(
        TRAIN,
        "one class",
        "All lesions of the table have outcome '1'; training needs two classes. Add lesions",
        column("features.csv", "outcome", "1"),
    ),
    Fault(
        TRAIN,
        "no outcome at all",
        "No lesion has a value of outcome; training needs two classes. Add lesions",
        column("features.csv", "outcome", ""),
    ),
    Fault(
        TRAIN,
        "an outcome that differs in each patient",
        "The class '0' of outcome has 1 patients",
        kept("features.csv", lambda rows: [row | {"outcome": str(i)} for i, row in enumerate(rows)]),
    ),
    Fault(
        TRAIN.replace("outcome outcome", "outcome slnm"),
        "SLNM in words",
        "slnm has the value 'yes'; it should be one of 0, 1",
        column("features.csv", "slnm", "yes"),
    ),
    Fault(
        TRAIN, "three patients", "The class '0' of outcome has 2 patients", kept("features.csv", lambda rows: rows[:3])
    ),
    Fault(TRAIN, "a single patient", "is in the table twice", column("features.csv", "patient_id", "P1")),
    Fault(
        TRAIN, "a patient missing", "Row 5 of the table has no patient_id", column("features.csv", "patient_id", "", 3)
    ),
    Fault(
        TRAIN,
        "two presets in one table",
        "The features come from the presets ['mammo-2d', 'study-1409']",
        column("features.csv", "preset", "mammo-2d", 3),
    ),
    Fault(TRAIN, "an unknown preset", "There is no preset 'ours'", column("features.csv", "preset", "ours")),
    Fault(
        TRAIN,
        "mixed spacings",
        "mixes pixel spacings from 0.1 to 0.3 mm",
        column("features.csv", "pixel_spacing_mm", "0.3", 3),
    ),
    Fault(TRAIN + " --split part", "a split that is no column", "The table has no column"),
    Fault(
        TRAIN + " --split view",
        "a split that says neither train nor test",
        "has 'CC' in the column view; write train or test",
    ),
    Fault(TRAIN + " --holdout 2", "a hold-out of 200%", "The setting holdout is 2.0; it must be from 0 to 0.9"),
    Fault(TRAIN + " --holdout nan", "a hold-out of NaN", "The setting holdout is nan"),
    Fault(TRAIN + " --svm-c -1", "a negative penalty", "The setting svm_c is -1.0; it must be above 0"),
    Fault(TRAIN + " --alpha-min nan", "a penalty of NaN", "The setting alpha_min is nan"),
    Fault(TRAIN + " --alpha-max inf", "an infinite penalty", "The setting alpha_max is inf"),
    Fault(TRAIN + " --folds 1", "one fold", "The setting folds is 1; it must be at least 2"),
    Fault(TRAIN + " --folds 50", "more folds than patients", "Add cases or take fewer folds"),
    Fault(
        TRAIN + " --alpha-count 1000000000",
        "a billion penalties",
        "The setting alpha_count is 1000000000; it must be at most 1000",
    ),
    Fault(TRAIN + " --repeats 0", "no repeat", "The setting repeats is 0"),
    Fault(TRAIN + " --reader Z", "a reader who outlined nothing", "The table has no reader 'Z'"),
    Fault(TRAIN + " --views MLO", "a view that is not there", "No row of the table has the view MLO"),
    Fault(TRAIN + " --subgroups age", "a subgroup that is no column", "no column age for subgroups"),
    Fault(
        TRAIN + " --stability clinical.csv",
        "a stability table of something else",
        "clinical.csv says nothing of 4 features",
    ),
    Fault(TRAIN + " --stability none.csv", "no stability table", "none.csv cannot be read"),
    Fault(TRAIN + " --preset none.yaml", "no such preset file", "There is no preset 'none.yaml'"),
    Fault(TRAIN + " --jobs 0", "no process", "--jobs is 0; it must be at least 1"),
    Fault(TRAIN + " --protocol leaky", "a model of the leaky protocol", "The leaky protocol makes no model"),
    Fault(TRAIN + " --protocol published", "an unknown protocol", "argument --protocol: invalid choice: 'published'"),
    Fault(
        TRAIN.replace("--report report", "--report f.csv"),
        "a report into a file",
        "f.csv is no folder, and the report needs a folder",
    ),
    Fault(
        TRAIN.replace("--output m.mammomodel", "--output features.csv"),
        "the model over the features",
        "features.csv is read and would be overwritten",
    ),
    Fault(
        TRAIN.replace("--output m.mammomodel", "--output report"),
        "the model over a folder",
        "report is no file that can be written",
    ),
    Fault(
        TRAIN,
        "the report's folder a dangling link",
        "report is no folder, and the report needs a folder",
        report_leads_to("gone"),
    ),
    Fault(
        TRAIN,
        "the report's folder a loop",
        "report is no folder, and the report needs a folder",
        report_leads_to("report"),
    ),
]
OF_TRAIN_WITH_MORE = [
    Fault(
        TRAIN + " --centre site", "a centre that is no column", "The table has no column site for the scanner or centre"
    ),
    Fault(TRAIN + " --harmonise", "harmonisation without centres", "centre"),
    Fault(TRAIN + " --predictors weight", "a predictor that is no column", "weight cannot be a predictor"),
    Fault(TRAIN + " --predictors outcome", "the outcome as predictor", "outcome cannot be a predictor"),
    Fault(
        TRAIN.replace("m.mammomodel", "quick.yaml") + " --preset quick.yaml",
        "the model over the preset",
        "quick.yaml is read and would be overwritten",
    ),
]
OF_SEGMENTER = [
    Fault(SEGMENTER, "a missing cohort", "cohort.csv cannot be read", remove("cohort.csv")),
    Fault(SEGMENTER + " --epochs 0", "no epoch", "epochs is 0; it must lie between 1 and 1000"),
    Fault(SEGMENTER + " --folds 50", "more folds than patients", "folds"),
    Fault(SEGMENTER + " --learning-rate nan", "a rate of NaN", "learning_rate"),
    Fault(SEGMENTER.replace("s.mamm", "cohort.csv/s.mamm"), "an output below a file", "is a file and no folder"),
    Fault(SEGMENTER.replace("s.mammosegmenter", "cohort.csv"), "the output over the cohort", "would be overwritten"),
    Fault(SEGMENTER + " --report f.csv", "a report into a file", "f.csv is"),
]
OF_PREDICT = [
    Fault(
        TABLE,
        "a missing model",
        "There is no file good.mammomodel. Check the path of the model",
        remove("good.mammomodel"),
    ),
    Fault(
        TABLE,
        "an empty model file",
        "is damaged or no model: it cannot be unpacked. Get a fresh copy",
        write("good.mammomodel", ""),
    ),
    Fault(
        TABLE,
        "a table named .mammomodel",
        "is damaged or no model: it cannot be unpacked",
        lambda f: shutil.copy(f / "new.csv", f / "good.mammomodel"),
    ),
    Fault(
        TABLE, "a model cut in the middle", "is damaged or no model: it cannot be unpacked", cut("good.mammomodel", 30)
    ),
    Fault(TABLE, "a model of a later format", "has format 99", manifest(format=99)),
    Fault(TABLE, "an edited model", "its content does not match its hash", manifest(outcome="<script>")),
    Fault(
        TABLE,
        "a model that is a folder",
        "There is no file good.mammomodel",
        a_folder("good.mammomodel"),
    ),
    Fault(
        TABLE, "a model that is a loop", "There is no file good.mammomodel", link("good.mammomodel", "good.mammomodel")
    ),
    Fault(TABLE, "a missing table", "cannot be read (No such file or directory)", remove("new.csv")),
    Fault(
        TABLE,
        "another preset's features",
        "Its features come from the preset 'mammo-2d', the model's from 'study-1409'. Extract them again",
        column("new.csv", "preset", "mammo-2d"),
        1,
        ("p.csv",),
    ),
    Fault(
        TABLE,
        "features that are missing",
        "that are not there, the first original_firstorder_",
        kept("new.csv", lambda rows: [dict(list(row.items())[:5]) for row in rows]),
        1,
        ("p.csv",),
    ),
    Fault(
        TABLE, "no feature at all", "has no feature columns", lambda f: shutil.copy(f / "clinical.csv", f / "new.csv")
    ),
    Fault(TABLE, "NaN in a feature", "is not a finite number, or too large", feature("new.csv", "nan"), 1, ("p.csv",)),
    Fault(
        TABLE, "an enormous number", "is not a finite number, or too large", feature("new.csv", "1e308"), 1, ("p.csv",)
    ),
    Fault(
        TABLE,
        "a view that the model does not know",
        "The model was trained on CC, MLO, not on LMO",
        column("new.csv", "view", "LMO", 0),
        1,
        ("p.csv",),
    ),
    Fault(TABLE, "an outline that is there twice", "is in the table twice (row", column("new.csv", "view", "CC")),
    Fault(
        TABLE,
        "no patient",
        "of the table has no patient_id. Every row needs one",
        column("new.csv", "patient_id", "", 0),
    ),
    Fault(
        TABLE,
        "a spacing in words",
        "has the pixel_spacing_mm 'fine', which is not a number",
        column("new.csv", "pixel_spacing_mm", "fine", 0),
        1,
        ("p.csv",),
    ),
    Fault(TABLE.replace("p.csv", "new.csv"), "the output over the table", "is read and would be overwritten"),
    Fault(
        TABLE.replace("p.csv", "good.mammomodel"),
        "the output over the model",
        "good.mammomodel is read and would be overwritten",
    ),
    Fault(
        TABLE + " --prevalence 1=2",
        "a prevalence of 200%",
        "The prevalence of 1 would be 2; it must lie above 0 and below 1",
    ),
    Fault(TABLE + " --prevalence 1=nan", "a prevalence of NaN", "The prevalence '1=nan' is not of the form"),
    Fault(
        TABLE + " --prevalence yes=0.2",
        "a prevalence of an unknown class",
        "has a share for 'yes'. Give the classes 0, 1",
    ),
    Fault(IMAGE, "a missing image", "0.nrrd does not exist", remove("0.nrrd")),
    Fault(IMAGE, "an empty mask", "The mask 0_mask.nrrd cannot be read as an image", write("0_mask.nrrd", "")),
    Fault(
        IMAGE + " --view MLO", "a view without an image", "Give --view, --image and --mask together, once for each view"
    ),
    Fault(
        IMAGE.replace("CC", "LAT"),
        "a view that the model does not know",
        "The model was trained on CC, MLO, not on LAT",
    ),
    Fault(
        IMAGE + " --view CC --image 1.nrrd --mask 1_mask.nrrd",
        "one view twice",
        "Give --view, --image and --mask together, once for each view",
    ),
    Fault(IMAGE + " --label 9", "a label that is not there", "0 pixels of label 9 (labels present: 1)"),
    Fault(IMAGE + " --spacing inf", "an infinite spacing", "A pixel spacing of inf mm is impossible"),
    Fault(IMAGE + " --spacing nan", "a pixel spacing of NaN", "A pixel spacing of nan mm is impossible"),
    Fault(IMAGE + " --perturb -3", "fewer than no outlines", "-3 perturbed outlines cannot be made"),
    Fault(IMAGE.replace("p.json", "0.nrrd"), "the record over the image", "0.nrrd is read and would be overwritten"),
    Fault(IMAGE.replace("p.json", "report"), "the record over a folder", "report is no file that can be written"),
    Fault(
        "predict --model good.mammomodel",
        "nothing to predict",
        "No view was given. Give at least one image with its outline",
    ),
]
OF_CLINICAL = [
    Fault(CLINICAL, "a missing table", "cannot be read (No such file or directory)", remove("clinical.csv")),
    Fault(CLINICAL.replace("slnm", "grade"), "an outcome that is no column", "The table has no column"),
    Fault(CLINICAL, "no row of known outcome", "The outcome slnm has no values", column("clinical.csv", "slnm", "")),
    Fault(CLINICAL, "one class", "The outcome slnm has one value only", column("clinical.csv", "slnm", "1")),
    Fault(
        CLINICAL,
        "SLNM in words",
        "slnm has the value 'yes'; it should be one of 0, 1",
        column("clinical.csv", "slnm", "yes", 0),
    ),
    Fault(
        CLINICAL, "three patients", "The outcome slnm has one value only", kept("clinical.csv", lambda rows: rows[:3])
    ),
    Fault(
        CLINICAL,
        "no column patient_id",
        "Name the one that holds it: --columns patient_id=THEIRS",
        edit("clinical.csv", "patient_id", "id"),
    ),
    Fault(CLINICAL + " --columns age", "a column map without =", "--columns holds 'age'; write NAME=VALUE"),
    Fault(
        CLINICAL + " --columns age=years",
        "a column map to nothing",
        "The table has no column 'years' to be taken for age",
    ),
    Fault(CLINICAL + " --predictors weight", "a predictor that is no column", "weight cannot be a predictor"),
    Fault(CLINICAL + " --predictors slnm", "the outcome as predictor", "slnm cannot be a predictor"),
    Fault(
        CLINICAL + " --reference density=Z",
        "a reference level that nobody has",
        "density has no level 'Z' for a reference",
    ),
    Fault(CLINICAL + " --split part", "a split that is no column", "The table has no column"),
    Fault(
        CLINICAL + " --time age=never", "an unknown time", "The time 'never' of age is none of imaging, biopsy, surgery"
    ),
    Fault(CLINICAL + " --unit eye", "an unknown unit", "argument --unit: invalid choice: 'eye'"),
    Fault(
        CLINICAL,
        "a predictor with one value",
        "density has one value only",
        column("clinical.csv", "density", "A"),
        0,
        ("report/",),
    ),
    Fault(CLINICAL, "infinity among ages", "age has 1 cells", column("clinical.csv", "age", "inf", 0), 0, ("report/",)),
    Fault(
        CLINICAL,
        "a table of the report a folder",
        "report/table1_outcome.csv is no file that can be written",
        lambda folder: (folder / "report/table1_outcome.csv").mkdir(),
    ),
    Fault(
        CLINICAL,
        "an Excel file of an old kind",
        "is in the old Excel format. Save it as .xlsx",
        write("clinical.csv", b"\xd0\xcf\x11\xe0" + b"0" * 600),
    ),
    Fault(
        CLINICAL,
        "an Excel file cut in the middle",
        "is no readable Excel file",
        write("clinical.csv", b"PK\x03\x04" + b"0" * 600),
    ),
    Fault(
        CLINICAL.replace("--report report", "--report f.csv"),
        "a report into a file",
        "f.csv is no folder, and the report needs a folder",
    ),
    Fault(
        CLINICAL,
        "the report's folder a loop",
        "report is no folder, and the report needs a folder",
        report_leads_to("report"),
    ),
]
OF_OTHERS = [
    Fault(PHANTOMS.replace("1", "0"), "no patient", "0 patients with seed 15 are impossible"),
    Fault(PHANTOMS.replace("made", "."), "a cohort that exists", ". holds a cohort.csv already. Delete it"),
    Fault(PHANTOMS + " --prevalence 2", "a prevalence of 200%", "A prevalence of 2 is impossible"),
    Fault(PHANTOMS + " --prevalence nan", "a prevalence of NaN", "A prevalence of nan is impossible"),
    Fault(PHANTOMS + " --seed -1", "a negative seed", "1 patients with seed -1 are impossible"),
    Fault(
        PHANTOMS.replace("made", "f.csv"), "a file for a folder", "f.csv is no folder, and the cohort needs a folder"
    ),
    Fault(
        PHANTOMS.replace("made", "cohort.csv/made"),
        "a folder below a file",
        "is a file and no folder. Choose another folder",
    ),
    Fault("", "no command", "the following arguments are required: COMMAND"),
    Fault("trian --features features.csv", "a command misspelt", "argument COMMAND: invalid choice: 'trian'"),
]
ALL = [*OF_STABILITY, *OF_TRAIN, *OF_TRAIN_WITH_MORE, *OF_SEGMENTER, *OF_PREDICT, *OF_CLINICAL, *OF_OTHERS]


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_it_is_said_in_one_sentence_and_nothing_is_lost(fault, broken_folder, record_property):
    faults.check(fault, broken_folder, record_property)
