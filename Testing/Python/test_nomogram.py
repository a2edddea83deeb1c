"""Nomograms: points and totals lead to the model's own probability."""

import numpy as np
import pytest
from made_up_clinical import GRADES, a_combined_training
from made_up_model import a_model
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.nomogram import LONGEST, Nomogram
from MammoRadiomicsLib.reports import nomogram_figure
from MammoRadiomicsLib.reports.report_files import pictures


def random_patients(model, count):
    rng = np.random.default_rng(11)
    for _ in range(count):
        z = rng.standard_normal(len(model.feature_names))
        values = (model.arrays["mean"] + z * model.arrays["scale"]).tolist()
        clinical = {"age": float(rng.uniform(20, 95)), "breast_density": str(rng.choice(list("ABCD")))}
        yield dict(zip(model.feature_names, values, strict=True)), clinical


@pytest.mark.parametrize("classes", [("0", "1"), GRADES])
def test_points_lead_to_the_models_probability(classes):
    model = a_combined_training(classes).model
    nomogram = Nomogram.of(model)
    local = {classes[0]: 0.5} | dict.fromkeys(classes[1:], 0.5 / (len(classes) - 1))
    for features, clinical in random_patients(model, 200):
        found = model.predict(features, clinical=clinical, prevalence=local)
        totals = nomogram.total(nomogram.points({"radscore": found.radscore, **clinical}))
        assert nomogram.probability(totals) == pytest.approx(found.probabilities, abs=1e-9)
        assert nomogram.probability(totals, local) == pytest.approx(found.local_probabilities, abs=1e-9)


@pytest.mark.parametrize("classes", [("0", "1"), GRADES])
def test_scales_run_from_nothing_to_a_hundred_over_the_range_of_the_training(classes):
    for panel in Nomogram.of(a_combined_training(classes).model).panels:
        assert [axis.lowest for axis in panel.axes] == pytest.approx([0] * 3, abs=1e-9)
        assert max(axis.longest for axis in panel.axes) == pytest.approx(LONGEST)
        for axis in panel.axes:
            assert all(-1e-9 <= points <= axis.longest + 1e-9 for _, points in axis.ticks)


def test_the_probability_scale_agrees_with_the_totals():
    nomogram = Nomogram.of(a_combined_training().model)
    ticks = nomogram.probability_ticks(nomogram.panels[0])
    assert len(ticks) > 3
    for probability, total in ticks:
        assert nomogram.probability({"1": total})["1"] == pytest.approx(probability, abs=1e-12)


def test_refuses_what_it_cannot_add_up():
    nomogram = Nomogram.of(a_combined_training().model)
    with pytest.raises(InputError, match="needs radscore and age"):
        nomogram.points({"breast_density": "B"})
    with pytest.raises(InputError, match="breast_density has no level 'E'"):
        nomogram.points({"radscore": 0.1, "age": 50, "breast_density": "E"})
    with pytest.raises(InputError, match="no clinical terms"):
        Nomogram.of(a_model())


@pytest.mark.parametrize("classes", [("0", "1"), GRADES])
def test_no_labels_of_the_figure_overlap(classes):
    figure = nomogram_figure.nomogram(a_combined_training(classes).model)
    assert pictures("nomogram", figure)["nomogram.png"][:4] == b"\x89PNG"
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
        assert len(boxes) > 20
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
