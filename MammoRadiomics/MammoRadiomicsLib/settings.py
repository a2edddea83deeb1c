"""Every choice of the method, with the study's value as the default. Plain Python: a parameter node can mirror it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

from .errors import InputError

VIEWS = ("mean", "concat", "CC", "MLO")
PURPOSES = ("research", "demonstration")
PROTOCOLS = ("nested", "study")
MISSING = ("refuse", "complete", "impute")
ICC_BOUNDS = ("value", "low")
LASSO_TARGETS = ("numeric", "one-vs-rest")
CHOICES = {
    "protocol": PROTOCOLS, "views": VIEWS, "missing": MISSING, "icc_bound": ICC_BOUNDS, "lasso_target": LASSO_TARGETS,
    "purpose": PURPOSES,
}  # fmt: skip
_LEAST = {
    "alpha_count": 1, "lasso_folds": 2, "smote_neighbours": 1, "calibration_folds": 2, "folds": 2, "repeats": 1,
    "permutations": 0,
}  # fmt: skip

# The study's two limits for SLNM: above the second it would plan a dissection, below the first perhaps no biopsy.
SLNM_THRESHOLDS = (0.20, 0.60)
# The study's split is 7:3.
STUDY_HOLDOUT = 0.3


@dataclass(frozen=True)
class TrainingSettings:
    """How a LASSO-SVM is trained and validated.

    Parameters
    ----------
    protocol : {"nested", "study"}
        What is refitted where. Nested: everything inside every fold, measured by cross-validation. Study: as published,
        one fit on the training rows of one split, balanced before it is standardised and calibrated.
    views : {"mean", "concat", "CC", "MLO"}
        How the views of one lesion become one row: their mean, side by side, or one of them alone.
    reader : str
        Whose outlines train; empty for the first reader of the table. The others serve the ICC.
    missing : {"refuse", "complete", "impute"}
        What becomes of lesions with a missing feature: the table is refused, they are left out and counted, or the
        median of the training rows stands in.
    icc : float
        Features whose intraclass correlation over repeated outlines is not above this are left out, where the table
        or a separate one has repeated outlines; 0 keeps all.
    icc_bound : {"value", "low"}
        Whether the correlation itself or the lower limit of its 95% interval must lie above `icc`.
    p_value : float
        Columns whose t-test (F-test for three classes) gives a larger P are left out.
    lasso_target : {"numeric", "one-vs-rest"}
        For three or more classes: one LASSO on the class numbers 0, 1, 2 as in the study, or one for each class against
        the rest whose selected columns are united. The radscore is then that of the last class.
    alpha_min, alpha_max, alpha_count : float, float, int
        The LASSO's penalties: a logarithmic grid.
    lasso_folds : int
        Patient-grouped folds in which the penalty is chosen by mean squared error.
    smote : bool
        Balance the classes with synthetic rows (training rows only, after the z-score).
    smote_neighbours : int
        Neighbours between which SMOTE interpolates.
    svm_c : float
        Penalty of the RBF support vector machine; gamma is 1 / (columns x variance).
    calibration_folds : int
        Patient-grouped folds whose held-out real rows fit the sigmoid of the probabilities.
    folds, repeats : int
        Outer patient-grouped folds, and how often they are drawn anew, to measure performance.
    split : str
        Column that says ``train`` or ``test`` for each lesion; empty for none.
    holdout : float
        Share of the patients, in tenths, that is drawn as test rows where no column says so; 0 for none.
    centre : str
        Column of the scanner or centre; each is then left out of the training in turn. Empty for none.
    harmonise : bool
        Bring the features of all centres to one location and scale by ComBat, learned from training rows in every fold.
    permutations : int
        How often the nested protocol is repeated on permuted outcomes, to see what it claims where nothing is there.
    random_state : int
        The one seed of everything random.
    purpose : {"research", "demonstration"}
        A demonstration model never prints a band.
    """

    protocol: str = "nested"
    views: str = "mean"
    reader: str = ""
    missing: str = "refuse"
    icc: float = 0.75
    icc_bound: str = "value"
    p_value: float = 0.05
    lasso_target: str = "numeric"
    alpha_min: float = 1e-4
    alpha_max: float = 1e1
    alpha_count: int = 50
    lasso_folds: int = 10
    smote: bool = True
    smote_neighbours: int = 5
    svm_c: float = 1.0
    calibration_folds: int = 5
    folds: int = 5
    repeats: int = 1
    split: str = ""
    holdout: float = 0.0
    centre: str = ""
    harmonise: bool = False
    permutations: int = 0
    random_state: int = 15
    purpose: str = "research"

    def validate(self) -> None:
        """Raise InputError for the first setting that makes no sense."""
        for field in fields(self):
            value, kind = getattr(self, field.name), type(field.default)
            fits = isinstance(value, (int, float) if kind is float else kind) and isinstance(value, bool) == (
                kind is bool
            )
            if not fits or (kind is float and not math.isfinite(value)):
                raise InputError(f"The setting {field.name} is {value!r}; it must be like {field.default!r}.")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"The setting {name} is {getattr(self, name)!r}; choose one of {', '.join(choices)}.")
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise InputError(f"The setting {name} is {getattr(self, name)}; it must be at least {least}.")
        for name, valid, rule in (
            ("p_value", 0 < self.p_value <= 1, "above 0 and at most 1"),
            ("icc", 0 <= self.icc < 1, "from 0 to below 1"),
            ("holdout", 0 <= self.holdout <= 0.9, "from 0 to 0.9"),
            ("svm_c", self.svm_c > 0, "above 0"),
            ("alpha_count", self.alpha_count <= 1000, "at most 1000"),
        ):
            if not valid:
                raise InputError(f"The setting {name} is {getattr(self, name)}; it must be {rule}.")
        for name, wrong, remedy in (
            ("permutations", self.protocol == "study" and self.permutations, "they belong to the nested protocol"),
            ("centre", self.protocol == "study" and self.centre, "centres belong to the nested protocol"),
            (
                "harmonise",
                self.harmonise and not self.centre,
                "ComBat needs the column of the scanner or centre (centre)",
            ),
            (
                "harmonise",
                self.harmonise and self.missing == "impute",
                "ComBat needs complete features; leave lesions without out (missing: complete)",
            ),
            ("holdout", self.split and self.holdout, f"the column {self.split} says already what is held out"),
            ("holdout", round(10 * self.holdout, 9) % 1, "test rows are drawn in tenths of the patients"),
        ):
            if wrong:
                raise InputError(f"The setting {name} is {getattr(self, name)}: {remedy}.")
        if not 0 < self.alpha_min <= self.alpha_max:
            raise InputError(f"The LASSO grid runs from {self.alpha_min} to {self.alpha_max}; it must start above 0.")
        if not 0 <= self.random_state <= 2**31:
            raise InputError(f"The seed is {self.random_state}; it must lie between 0 and {2**31}.")

    def to_json(self) -> dict:
        """Return the settings as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict) -> TrainingSettings:
        """Make settings from a JSON object; InputError for an unknown name or a wrong value."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(f"There are no training settings named {', '.join(sorted(unknown))}.")
        settings = cls(**values)
        settings.validate()
        return settings
