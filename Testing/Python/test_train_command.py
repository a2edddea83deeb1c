"""`train` in a terminal: every setting can be said, every protocol runs, and nothing is written where it cannot be."""

import csv
import json
from dataclasses import fields

import pytest
from made_up import a_table
from MammoRadiomicsLib import command_line, model_file, tables
from MammoRadiomicsLib.commands import train
from MammoRadiomicsLib.settings import TrainingSettings

QUICK = ("--folds", 2, "--calibration-folds", 3, "--lasso-folds", 3, "--alpha-count", 12)


def run(*arguments):
    return command_line.main(["train", *(str(argument) for argument in arguments)])


@pytest.fixture
def features(tmp_path):
    table = a_table(lesions=36, features=12)
    rows = [
        row | {"side": "left" if i % 4 < 2 else "right"} | dict(zip(table.names, values.tolist(), strict=True))
        for i, (row, values) in enumerate(zip(table.rows, table.values, strict=True))
    ]
    tables.write_rows(tmp_path / "features.csv", rows)
    return tmp_path / "features.csv"


def test_every_setting_has_its_option_and_its_help():
    assert set(train._HELP) == {field.name for field in fields(TrainingSettings)}


def test_settings_travel_from_the_terminal_into_the_model(features, tmp_path):
    said = ("--no-smote", "--svm-c", 2, "--p-value", 0.2, "--views", "CC", "--seed", 3, "--icc", 0.8)
    code = run("--features", features, "--outcome", "outcome", *QUICK, *said, "--output", tmp_path / "m.mammomodel")
    assert code == 0
    settings = model_file.load(tmp_path / "m.mammomodel").manifest["training"]["settings"]
    assert (settings["smote"], settings["svm_c"], settings["p_value"]) == (False, 2.0, 0.2)
    assert (settings["views"], settings["random_state"], settings["icc"]) == ("CC", 3, 0.8)


def test_every_protocol_reports_what_all_of_them_claim(features, tmp_path, capsys):
    shared = ("--features", features, "--outcome", "outcome", *QUICK)
    for protocol in ("nested", "study", "leaky"):
        model = tmp_path / f"{protocol}.mammomodel"
        target = () if protocol == "leaky" else ("--output", model)
        assert run(*shared, "--protocol", protocol, *target, "--report", tmp_path / protocol) == 0
        assert model.exists() == (protocol != "leaky")
        with (tmp_path / protocol / "protocols.csv").open(encoding="utf-8") as file:
            found = {row["protocol"] for row in csv.DictReader(file)}
        assert found == {"nested", "nested without SMOTE", "study", "leaky"}
    assert "no model is made of it" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "study" / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    assert set(metrics) == {"protocol", "training", "test", "optimism"}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (("--protocol", "leaky", "--output", "m.mammomodel"), "The leaky protocol makes no model"),
        (("--protocol", "leaky"), "The leaky protocol makes no model"),
        ((), "Give --output"),
        (("--output", "m.mammomodel", "--jobs", 0), "--jobs is 0"),
        (("--output", "m.mammomodel", "--reader", "B"), "The table has no reader 'B'"),
        (("--output", "m.mammomodel", "--split", "part"), "no column part for the split"),
        (("--output", "m.mammomodel", "--holdout", 2), "The setting holdout is 2.0"),
        (("--output", "m.mammomodel", "--report", "r", "--subgroups", "colour"), "no column colour"),
        (("--output", "m.mammomodel", "--subgroups", "side"), "--subgroups are measured in the report. Give --report"),
    ],
)
def test_refuses_before_it_works(features, monkeypatch, capsys, said, sentence):
    monkeypatch.chdir(features.parent)
    assert run("--features", features, "--outcome", "outcome", *QUICK, *said) == 2
    assert sentence in capsys.readouterr().err
    assert [path.name for path in features.parent.iterdir()] == ["features.csv"]


def test_a_report_never_replaces_what_is_read_and_finds_a_folder_in_its_way_first(features, monkeypatch, capsys):
    monkeypatch.chdir(features.parent)
    shared = ("--outcome", "outcome", *QUICK, "--output", "m.mammomodel", "--report")
    features.rename("radscores.csv")
    assert run("--features", "radscores.csv", *shared, ".") == 2
    assert "radscores.csv is read and would be overwritten" in capsys.readouterr().err
    (features.parent / "r" / "nomogram.svg").mkdir(parents=True)
    assert run("--features", "radscores.csv", *shared, "r") == 2
    assert "nomogram.svg is no file that can be written" in capsys.readouterr().err
    assert sorted(path.name for path in features.parent.iterdir()) == ["r", "radscores.csv"]
