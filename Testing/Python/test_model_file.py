"""Model files: the same answer after saving, or a refusal; never another answer, never anything executed."""

import dataclasses
import io
import json
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from made_up import a_table
from MammoRadiomicsLib import learning, lesions, model_file
from MammoRadiomicsLib.errors import InputError, ModelFileError
from MammoRadiomicsLib.settings import TrainingSettings

QUICK = TrainingSettings(folds=2, calibration_folds=3, lasso_folds=3)


@pytest.fixture(scope="module")
def model():
    return learning.train(a_table(), "outcome", QUICK).model


@pytest.fixture
def saved(model, tmp_path):
    return model_file.save(model, tmp_path / "m.mammomodel")


def features_of(model, value=0.0):
    """Features that lie `value` training SDs from the mean."""
    values = model.arrays["mean"] + value * model.arrays["scale"]
    return dict(zip(model.feature_names, values.tolist(), strict=True))


def repacked(path, change):
    """Rewrite a model file with its members changed by ``change({name: bytes})``."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_loaded_model_is_the_saved_one(model, saved):
    loaded = model_file.load(saved)
    assert loaded.manifest == model.manifest
    assert loaded.digest == model.digest
    for name, array in model.arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array)


def test_equal_models_are_equal_files(model, saved, tmp_path):
    again = model_file.save(model_file.load(saved), tmp_path / "again.mammomodel")
    assert again.read_bytes() == saved.read_bytes()


def test_a_model_survives_as_text(model):
    assert model_file.from_text(model.to_text()).digest == model.digest


def test_contributions_add_up_to_the_radscore(model):
    found = model.predict(features_of(model, 0.7))
    total = sum(found.contributions.values()) + model.arrays["lasso_intercept"][0]
    assert total == pytest.approx(found.radscore, abs=1e-12)
    assert sum(found.probabilities.values()) == pytest.approx(1)


def test_the_mean_of_two_views_is_the_prediction_of_their_mean(model):
    low, high = features_of(model, -0.5), features_of(model, 0.5)
    both = model.predict({"CC": low, "MLO": high})
    assert both.probabilities == pytest.approx(model.predict(features_of(model)).probabilities)
    assert both.warnings == []


def test_says_which_view_is_missing_and_what_lies_outside_training(model):
    found = model.predict({"CC": features_of(model, 50)}, spacing_mm=0.05)
    assert "MLO is missing here" in found.warnings[0]
    assert "lie outside the range seen in training" in found.warnings[1]
    assert "Pixels of 0.05 mm here, 0.1 mm in training" in found.warnings[2]


def test_only_a_research_model_with_thresholds_has_a_band(model):
    assert model.predict(features_of(model)).band is None
    slnm = dataclasses.replace(model, manifest=model.manifest | {"thresholds": [0.2, 0.6]})
    bands = {slnm.predict(features_of(model, value)).band for value in np.linspace(-6, 6, 40)}
    assert bands <= {"low", "intermediate", "high"}
    assert len(bands) > 1
    demonstration = dataclasses.replace(slnm, manifest=slnm.manifest | {"purpose": "demonstration"})
    found = demonstration.predict(features_of(model))
    assert found.band is None
    assert found.warnings[0].startswith("Demonstration model")


def test_refuses_missing_and_infinite_features(model):
    features = features_of(model)
    with pytest.raises(InputError, match="is not a finite number"):
        model.predict(features | {model.feature_names[0]: float("nan")})
    del features[model.feature_names[0]]
    with pytest.raises(InputError, match=f"needs 1 features that are not there, the first {model.feature_names[0]}"):
        model.predict(features)


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_is_refused_or_changes_nothing(model, saved, seed):
    rng = np.random.default_rng(seed)
    content = saved.read_bytes()
    for _ in range(100):
        damaged = bytearray(content)
        if rng.random() < 0.2:
            del damaged[rng.integers(len(damaged)) :]
        else:
            for position in rng.integers(len(damaged), size=rng.integers(1, 4)):
                damaged[position] ^= 1 << rng.integers(8)
        saved.write_bytes(bytes(damaged))
        try:
            loaded = model_file.load(saved)
        except ModelFileError as error:
            assert str(error).endswith((".", "?"))
        else:
            assert loaded.digest == model.digest


def test_refuses_arrays_that_would_be_unpickled(saved):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("something was executed",)

    def plant(members):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
            archive.writestr("mean.npy", header.getvalue() + pickle.dumps(Trap()))
        members["arrays.npz"] = content.getvalue()
        _reseal(members)

    with pytest.raises(ModelFileError, match="not a model's"):
        model_file.load(repacked(saved, plant))


def _reseal(members):
    """Make the hash fit again, as a forger would."""
    manifest = json.loads(members["manifest.json"])
    del manifest["sha256"]
    manifest["sha256"] = model_file._digest(manifest, members["arrays.npz"])
    members["manifest.json"] = json.dumps(manifest).encode()


def edited(reseal=True, **changes):
    def change(members):
        manifest = json.loads(members["manifest.json"]) | changes
        members["manifest.json"] = json.dumps(manifest).encode()
        if reseal:
            _reseal(members)

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (edited(format=2), "has format 2; this version reads 1"),
        (edited(classes=["1"]), "not a model's"),
        (edited(classes=5), "not a model's"),
        (edited(feature_names=["a", "a"]), "not a model's"),
        (edited(thresholds=[0.6, 0.2]), "not a model's"),
        (edited(extra=1), "not a model's"),
        (edited(sha256="0", reseal=False), "does not match its hash"),
        (edited(thresholds=[0.1, 0.2], reseal=False), "does not match its hash"),
        (lambda members: members.update({"../../evil.py": b"print()"}), "nothing else"),
        (lambda members: members.pop("manifest.json"), "nothing else"),
        (lambda members: members.update({"manifest.json": b"[1]"}), "has format None"),
        (lambda members: members.update({"manifest.json": b"\xff\xfe"}), "cannot be unpacked"),
    ],
)
def test_refuses_an_edited_file(saved, change, sentence):
    with pytest.raises(ModelFileError, match=sentence):
        model_file.load(repacked(saved, change))


def test_refuses_arrays_of_another_shape_and_outputs_that_differ(saved):
    def with_arrays(**changes):
        def change(members):
            with np.load(io.BytesIO(members["arrays.npz"])) as archive:
                arrays = dict(archive) | changes
            content = io.BytesIO()
            np.savez(content, **arrays)
            members["arrays.npz"] = content.getvalue()
            _reseal(members)

        return change

    original = saved.read_bytes()
    for changes, sentence in (
        ({"mean": np.zeros(1)}, "not a model's"),
        ({"intercept": np.array([np.nan])}, "not a model's"),
        ({"gamma": np.array([1], dtype=np.int64)}, "not a model's"),
        ({"intercept": np.array([3.0])}, "reference outputs differ by"),
    ):
        saved.write_bytes(original)
        with pytest.raises(ModelFileError, match=sentence):
            model_file.load(repacked(saved, with_arrays(**changes)))


def test_refuses_a_bomb_without_unpacking_it(tmp_path):
    path = tmp_path / "bomb.mammomodel"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * (model_file._LARGEST_MEMBER + 1))
        archive.writestr("arrays.npz", b"")
    with pytest.raises(ModelFileError, match="too large"):
        model_file.load(path)


def test_refuses_what_is_missing_or_no_zip(tmp_path):
    with pytest.raises(ModelFileError, match="There is no file"):
        model_file.load(tmp_path / "none.mammomodel")
    (tmp_path / "text.mammomodel").write_text("hello")
    with pytest.raises(ModelFileError, match="cannot be unpacked"):
        model_file.load(tmp_path / "text.mammomodel")
    with pytest.raises(ModelFileError, match="holds no model"):
        model_file.from_text("{}")


def test_a_disk_that_cannot_be_written_loses_nothing(model, saved, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="cannot be written \\(No space left on device\\)"):
        model_file.save(model, saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_applying_a_model_needs_no_scikit_learn(model, saved):
    """A clinic's Slicer has neither scikit-learn nor imbalanced-learn nor pandas."""
    program = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('sklearn', 'imblearn', 'pandas', 'scipy.stats')))\n"
        "from MammoRadiomicsLib import model_file\n"
        f"model = model_file.load({str(saved)!r})\n"
        "print(model.predict(dict(zip(model.feature_names, model.arrays['mean']))).probabilities['1'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) == model.predict(features_of(model)).probabilities["1"]


def test_a_table_is_predicted_lesion_by_lesion(model):
    from MammoRadiomicsLib import prediction

    table = a_table(lesions=5)
    rows = prediction.predict_table(model, table)
    assert [row["patient_id"] for row in rows] == [f"P{i:03d}" for i in range(5)]
    data = lesions.from_table(table, "outcome", classes=("0", "1"))
    columns = [data.names.index(name) for name in model.feature_names]
    expected = model.probabilities(data.values[:, columns])[:, 1]
    np.testing.assert_allclose([row["probability_1"] for row in rows], expected, atol=1e-12)


def test_a_row_of_another_preset_or_view_has_no_prediction(model):
    from MammoRadiomicsLib import prediction

    table = a_table(lesions=4)
    table.rows[0]["preset"] = "mammo-2d"
    table.rows[2]["view"] = "XX"
    table.rows[4]["pixel_spacing_mm"] = table.rows[5]["pixel_spacing_mm"] = "0.05"
    rows = prediction.predict_table(model, table)
    assert "come from the preset 'mammo-2d'" in rows[0]["failure"]
    assert "not on XX" in rows[1]["failure"]
    assert [row["probability_1"] == "" for row in rows] == [True, True, False, False]
    assert "Pixels of 0.05 mm here" in rows[2]["warnings"]
    assert rows[3]["warnings"] == ""
