"""Figures of a training: the numbers are those of the arrays, names are whole, what is left out is said."""

import io
import itertools
import re

import numpy as np
import pytest
from MammoRadiomicsLib import evaluation
from MammoRadiomicsLib.evaluation import Evidence
from MammoRadiomicsLib.reports import performance_figures, training_figures
from MammoRadiomicsLib.reports.print_style import BLUE, LIGHT_GREY, ORANGE, settle
from MammoRadiomicsLib.selection import LassoPath
from PIL import Image

RNG = np.random.default_rng(7)


def titles(figure) -> str:
    parts = [figure.get_suptitle(), figure.get_supxlabel()]
    parts += [axes.get_title(where) for axes in figure.axes for where in ("left", "center")]
    return "\n".join(parts)


def a_path(chosen: int = 6, unvisited: int = 3) -> LassoPath:
    """Ten penalties; of four features two are in at the chosen one, the last enters later."""
    alphas = np.geomspace(10, 1e-4, 10)
    entered = np.array([3, 5, 7, 99])
    steps = np.arange(10) - entered[:, None]
    weights = np.where(steps >= 0, np.array([[0.2], [-0.1], [0.05], [0.01]]) * (1 + steps), 0.0)
    errors = 0.2 + 0.01 * (np.arange(10) - 6.0) ** 2
    errors[10 - unvisited :], weights[:, 10 - unvisited :] = np.inf, 0
    spread = np.where(np.isfinite(errors), 0.02, np.inf)
    names = ("original_glcm_Imc1", "$x_firstorder_\\frac", "square_glszm_ZoneEntropy", "lbp-2D_gldm_Mean")
    return LassoPath(alphas, errors, spread, np.arange(4), weights, np.zeros(10), chosen, names)


def some_evidence(rows: str, n: int, classes: tuple[str, ...], repeats: int = 1, strength: float = 1.0) -> Evidence:
    target = RNG.permutation(np.arange(n) % len(classes))
    odds = np.exp(RNG.normal(size=(repeats, n, len(classes))) + strength * np.eye(len(classes))[target])
    patients = np.array([f"P{i:03d}" for i in range(n)])
    return Evidence(rows, classes, target, patients, odds / odds.sum(axis=2, keepdims=True))


class Made:
    """What :func:`.performance_figures.performance` reads of a training."""

    def __init__(self, evidence: dict[str, Evidence], outcome: str = "slnm", thresholds=(0.2, 0.6)):
        self.evidence, self.model = evidence, self
        self.outcome, self.purpose = outcome, "research"
        self.classes = next(iter(evidence.values())).classes
        metrics = {key: evaluation.measure(each, 0) for key, each in evidence.items()}
        self.manifest = {"metrics": metrics, "thresholds": thresholds}


@pytest.fixture(scope="module")
def slnm():
    classes = ("0", "1")
    parts = {"training": (60, 1, 3), "cross_validated": (60, 2, 1), "test": (30, 1, 1)}
    return Made({key: some_evidence(key.replace("_", "-"), n, classes, *rest) for key, (n, *rest) in parts.items()})


@pytest.fixture(scope="module")
def slnm_figure(slnm):
    return performance_figures.performance(slnm)


def test_the_lasso_figure_leaves_out_what_was_not_visited_and_says_so():
    path = a_path()
    coefficients, errors = training_figures.lasso((path,), ("0", "1"), 42).axes[:2]
    assert coefficients.get_xscale() == "log"
    lines = [line for line in coefficients.lines if len(line.get_xdata()) == 7]
    assert len(lines) == len(path.names)
    np.testing.assert_allclose(sorted(line.get_ydata()[6] for line in lines), [-0.2, 0.0, 0.0, 0.8])
    np.testing.assert_allclose(errors.lines[0].get_ydata(), path.errors[:7])
    figure = training_figures.lasso((path,), ("0", "1"), 42)
    assert "3 of 10 penalties, all under 0.0046, were not visited" in figure.get_supxlabel().replace("\n", " ")
    assert "n = 42 lesions" in figure.get_suptitle()
    assert "2 features at penalty 0.00464" in titles(figure)


def test_the_chosen_penalty_is_marked_and_its_features_counted_on_top():
    path = a_path()
    figure = training_figures.lasso((path,), ("0", "1"), 42)
    for axes in figure.axes[:2]:
        assert any(list(line.get_xdata()) == [path.alphas[6]] * 2 for line in axes.lines)
        (above,) = axes.child_axes
        ticks = dict(zip(above.get_xticks(), [label.get_text() for label in above.get_xticklabels()], strict=True))
        assert ticks[path.alphas[6]] == "2"


def test_a_penalty_chosen_beyond_the_visited_ones_is_drawn_all_the_same():
    path = a_path(chosen=4, unvisited=6)
    path.weights[0, 4] = 0.3
    figure = training_figures.lasso((path,), ("0", "1"), 42)
    assert "1 feature at penalty" in titles(figure)
    assert "the model takes the first to enter" in figure.get_supxlabel().replace("\n", " ")


def test_each_class_against_the_rest_has_its_own_path():
    figure = training_figures.lasso((a_path(), a_path(), a_path()), ("zero", "low", "positive"), 42)
    assert len(figure.axes) == 6
    assert "low: 2 features" in titles(figure)


class Weighted:
    outcome = "her2"

    def __init__(self, count: int):
        self.feature_names = tuple(f"log-sigma-1-mm-3D_glszm_SizeZoneNonUniformity{i}" for i in range(count))
        self.arrays = {"lasso_coef": RNG.normal(size=count)}
        self.manifest = {"training": {"lesions": 586}}


def test_weights_are_sorted_under_their_whole_names():
    model = Weighted(54)
    figure = training_figures.weights(model)
    (axes,) = figure.axes
    shown = dict(zip([label.get_text() for label in axes.get_yticklabels()], axes.patches, strict=True))
    assert list(shown) == sorted(model.feature_names, key=lambda name: -weight_of(model, name))
    for name, bar in shown.items():
        assert bar.get_width() == weight_of(model, name)
    assert {bar.get_facecolor() for bar in shown.values()} == {(*rgb(BLUE), 1.0), (*rgb(ORANGE), 1.0)}
    figure.draw_without_rendering()
    heights = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(upper.y0 > lower.y1 - 1 for upper, lower in itertools.pairwise(heights))
    assert "54 selected features (n = 586 lesions)" in figure.get_suptitle()


def weight_of(model, name: str) -> float:
    return model.arrays["lasso_coef"][model.feature_names.index(name)]


def rgb(colour: str) -> tuple:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def test_of_very_many_weights_the_strongest_are_shown_and_the_figure_says_so():
    model = Weighted(80)
    figure = training_figures.weights(model)
    widths = [abs(bar.get_width()) for bar in figure.axes[0].patches]
    assert sorted(widths) == sorted(np.abs(model.arrays["lasso_coef"]))[-60:]
    assert "80 selected features, the 60 strongest shown" in figure.get_suptitle()


def test_radscores_stand_sorted_in_the_colour_of_their_class_and_start_at_the_cut_off():
    target = np.arange(90) % 3
    scores = target + RNG.normal(scale=0.4, size=90)
    cuts = training_figures.cut_offs(scores, target)
    figure = training_figures.radscores(scores, target, ("zero", "low", "positive"), cuts)
    (axes,) = figure.axes
    ends = {bar.get_x() + bar.get_width() / 2: bar.get_y() + bar.get_height() for bar in axes.patches}
    np.testing.assert_allclose([ends[place] for place in sorted(ends)], np.sort(scores))
    assert [len(bars) for bars in axes.containers] == [30, 30, 30]
    assert [label.get_text() for label in axes.get_legend().get_texts()] == [
        "zero (n = 30)", "low (n = 30)", "positive (n = 30)"
    ]  # fmt: skip
    assert {bar.get_y() for bar in axes.patches} == {cuts.mean()}
    assert "on its training rows (n = 90 lesions)" in figure.get_suptitle()
    assert "flatters" in figure.get_supxlabel()


def test_cut_offs_lie_between_neighbouring_classes():
    scores, target = np.array([0.1, 0.2, 0.5, 0.7, 1.5, 1.7]), np.array([0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(training_figures.cut_offs(scores, target), [0.35, 1.1])
    np.testing.assert_allclose(training_figures.cut_offs(scores[:4], target[:4]), [0.35])


def test_radscores_of_test_rows_keep_the_training_rows_cut_off():
    figure = training_figures.radscores(np.array([0.1, 0.9]), np.array([0, 1]), ("no", "yes"), np.array([0.35]), "test")
    assert "0.35" in [text.get_text() for text in figure.axes[0].texts]
    assert "test rows (n = 2" in figure.get_suptitle()
    assert "flatters" not in figure.get_supxlabel()


def test_selection_counts_outer_folds_and_marks_the_final_model():
    selected = [("a", "b"), ("a",), ("a", "c"), ("b", "a")]
    figure = training_figures.selection_frequency(selected, ("b", "d"))
    (axes,) = figure.axes
    bars = zip([label.get_text() for label in axes.get_yticklabels()], axes.patches, strict=True)
    shown = {name: (bar.get_width(), bar.get_facecolor()[:3]) for name, bar in bars}
    assert shown == {
        "a": (100, rgb(LIGHT_GREY)), "* b": (50, rgb(BLUE)), "c": (25, rgb(LIGHT_GREY)), "* d": (0, rgb(BLUE))
    }  # fmt: skip
    assert "4 outer folds" in figure.get_suptitle()


def test_selection_says_how_much_of_the_model_is_further_down():
    selected = [tuple(f"f{i}" for i in range(40))]
    figure = training_figures.selection_frequency(selected, ("f1", "never"))
    assert len(figure.axes[0].patches) == 30
    assert "(2 features, 1 of them further down" in figure.get_supxlabel()
    assert "30 most frequent of 41" in figure.get_suptitle()


def test_every_claim_is_a_dot_and_every_protocol_a_row():
    claims = [
        {"protocol": protocol, "rows": rows, "seed": seed, "auc": 0.4 + 0.1 * row + 0.01 * seed}
        for row, (protocol, rows) in enumerate(training_figures.CLAIMS)
        for seed in range(3)
    ]
    (axes,) = training_figures.protocol_claims(claims, "Claims (n = 60 lesions)").axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(np.ravel([line.get_xdata() for line in dots]), [claim["auc"] for claim in claims])
    assert [text.get_text() for text in axes.texts] == ["0.41", "0.51", "0.61", "0.71", "0.81", "0.91"]
    assert len(axes.get_yticklabels()) == 6
    (axes,) = training_figures.protocol_claims(claims[:3], "One").axes
    assert len(axes.get_yticklabels()) == 1


def test_the_observed_auc_stands_beside_those_of_shuffled_outcomes():
    permuted = [0.45, 0.5, 0.55, 0.6]
    figure = training_figures.permutations(0.58, permuted)
    (axes,) = figure.axes
    assert sum(bar.get_height() for bar in axes.patches) == 4
    assert any(list(line.get_xdata()) == [0.58, 0.58] for line in axes.lines)
    assert "P = 0.4" in figure.get_suptitle()
    assert training_figures.permutation_p(0.7, permuted) == 1 / 5


def test_roc_curves_carry_the_measured_aucs(slnm, slnm_figure):
    roc = slnm_figure.axes[0]
    labels = [text.get_text() for text in roc.get_legend().get_texts()]
    for key, label in zip(("training", "cross_validated", "test"), labels, strict=True):
        auc = slnm.manifest["metrics"][key]["auc"]["1"]
        assert f"{auc['mean']:.2f} ({auc['low']:.2f} to {auc['high']:.2f})" in label
        assert label.startswith(key.replace("_", "-"))
    note = slnm_figure.get_supxlabel().replace("\n", " ")
    assert "training 60, cross-validated 60, test 30" in note
    assert "test: DeLong" in note


def test_a_roc_curve_has_the_area_that_is_written_beside_it(slnm, slnm_figure):
    lines = {line.get_label().split(" ")[0]: line for line in slnm_figure.axes[0].lines}
    for key in ("training", "test"):
        x, y = lines[key].get_data()
        assert np.trapezoid(y, x) == pytest.approx(slnm.manifest["metrics"][key]["auc"]["1"]["mean"])


def test_calibration_and_decision_curves_come_from_unseen_rows_only(slnm_figure):
    _, calibration, benefit, avoided = slnm_figure.axes
    assert [text.get_text().split(":")[0] for text in calibration.get_legend().get_texts()] == [
        "cross-validated",
        "test",
    ]
    assert [text.get_text() for text in avoided.get_legend().get_texts()] == [
        "model, cross-validated", "model, test", "treat all", "treat none", "the study's 20% and 60%"
    ]  # fmt: skip
    assert benefit.get_ylabel() == "Net benefit"


def test_decision_curves_are_those_of_the_evaluation(slnm, slnm_figure):
    *_, benefit, avoided = slnm_figure.axes
    rows = evaluation.decision_curve(slnm.evidence["test"])
    drawn = {line.get_label(): line.get_ydata() for line in benefit.lines}
    np.testing.assert_array_equal(drawn["model, test"], [row["net_benefit"] for row in rows])
    np.testing.assert_array_equal(avoided.lines[1].get_ydata(), [row["interventions_avoided_per_100"] for row in rows])
    np.testing.assert_allclose(benefit.lines[0].get_xdata()[[0, -1]], [5, 60])
    assert [line.get_xdata()[0] for line in benefit.lines if line.get_linestyle() == "--"] == [20, 60]


def test_each_of_three_classes_has_its_row_of_curves_and_the_mean_auc_is_told():
    classes = ("zero", "low", "positive")
    made = Made({"training": some_evidence("training", 60, classes)}, "her2", None)
    figure = performance_figures.performance(made)
    assert len(figure.axes) == 12
    assert "Calibration: low" in titles(figure)
    assert "Mean AUC of the classes (patient bootstrap): training" in figure.get_supxlabel().replace("\n", " ")
    assert not [line for axes in figure.axes for line in axes.lines if "study" in str(line.get_label())]


def test_limits_that_are_not_the_studys_are_not_called_so():
    made = Made({"training": some_evidence("training", 30, ("0", "1"))}, thresholds=[0.15, 0.5])
    legend = performance_figures.performance(made).axes[-1].get_legend()
    assert legend.get_texts()[-1].get_text() == "limits 15% and 50%"


def test_the_confusion_matrix_shows_counts_and_shares(slnm):
    figure = performance_figures.confusion(slnm.manifest["metrics"], ("no", "yes"))
    assert [axes.get_title() for axes in figure.axes] == ["cross-validated (n = 60 lesions)", "test (n = 30 lesions)"]
    matrix = np.array(slnm.manifest["metrics"]["test"]["confusion"]["matrix"])
    texts = [text.get_text() for text in figure.axes[1].texts]
    shares = matrix / matrix.sum(axis=1, keepdims=True)
    assert texts == [f"{count}\n{share:.0%}" for count, share in zip(matrix.ravel(), shares.ravel(), strict=True)]
    assert "exceeds" in figure.get_supxlabel()


def test_subgroups_show_their_intervals_and_say_where_there_are_too_few(slnm):
    labels = np.array(["a"] * 55 + [""] * 5)
    rows = [
        {"rows": "cross-validated", "column": "density"} | row
        for row in evaluation.subgroups(slnm.evidence["cross_validated"], labels, 0)
    ]
    figure = performance_figures.subgroups(rows, slnm.manifest["metrics"]["cross_validated"]["auc"])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["density: unknown (n = 5)", "density: a (n = 55)"]
    texts = [text.get_text() for text in axes.texts]
    assert texts[0].startswith("too few")
    assert texts[1].startswith(f"{rows[1]['auc']:.2f}")
    assert [rows[1]["low"], rows[1]["high"]] in [list(line.get_xdata()) for line in axes.lines]


def test_names_from_a_strangers_table_are_text_and_no_formulas():
    names = ("$\\frac{", "<b>&")
    figure = training_figures.radscores(np.array([0.1, 0.9]), np.array([0, 1]), names, np.array([0.5]))
    picture = io.BytesIO()
    figure.savefig(picture, format="svg")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        f"{name} (n = 1)" for name in names
    ]


def test_letters_are_readable_at_the_width_of_a_column(slnm_figure):
    assert slnm_figure.get_figwidth() * 25.4 == pytest.approx(180)
    for axes in slnm_figure.axes:
        texts = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label, axes.title]
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
        assert min(text.get_fontsize() for text in texts) >= 7


@pytest.mark.parametrize("what", ["performance", "lasso", "radscores", "permutations"])
def test_nothing_is_cut_off_and_nothing_overlaps_the_title(slnm_figure, what):
    figure = {
        "performance": lambda: slnm_figure,
        "lasso": lambda: training_figures.lasso((a_path(),), ("no", "yes"), 838),
        "radscores": lambda: training_figures.radscores(
            RNG.random(18), np.arange(18) % 2, ("0", "1"), np.array([0.54])
        ),
        "permutations": lambda: training_figures.permutations(0.62, list(RNG.normal(0.5, 0.04, 20))),
    }[what]()
    settle(figure)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    pixels = np.asarray(Image.open(picture).convert("L"))
    assert (np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]) == 255).all()
    top = figure._suptitle.get_window_extent().y0
    assert all(axes.get_tightbbox().y1 <= top + 1 for axes in figure.axes)


def test_a_figure_is_the_same_whatever_style_is_set_elsewhere():
    from matplotlib import rc_context

    def picture() -> str:
        content = io.StringIO()
        figure = training_figures.permutations(0.6, [0.5, 0.52])
        figure.savefig(content, format="svg", metadata={"Date": None})
        return re.sub(r"(id=|#)\"?[\w-]+|url\(#[\w]+\)", "", content.getvalue())

    plain = picture()
    with rc_context({"font.size": 30, "xtick.labelsize": 30, "axes.facecolor": "white"}):
        assert picture() == plain
