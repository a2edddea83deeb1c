"""Every choice of the method, with the study's value as the default. Plain Python: a parameter node can mirror it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from .errors import InputError

VIEWS = ("mean", "concat", "CC", "MLO")
PURPOSES = ("research", "demonstration")

# The study's two limits for SLNM: above the second it would plan a dissection, below the first perhaps no biopsy.
SLNM_THRESHOLDS = (0.20, 0.60)


@dataclass(frozen=True)
class TrainingSettings:
    """How a LASSO-SVM is trained and validated.

    Parameters
    ----------
    views : {"mean", "concat", "CC", "MLO"}
        How the views of one lesion become one row: their mean, side by side, or one of them alone.
    p_value : float
        Columns whose t-test (F-test for three classes) gives a larger P are left out.
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
    random_state : int
        The one seed of everything random.
    purpose : {"research", "demonstration"}
        A demonstration model never prints a band.
    """

    views: str = "mean"
    p_value: float = 0.05
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
    random_state: int = 15
    purpose: str = "research"

    def validate(self) -> None:
        """Raise InputError for the first setting that makes no sense."""
        for name, choices in (("views", VIEWS), ("purpose", PURPOSES)):
            if getattr(self, name) not in choices:
                raise InputError(f"The setting {name} is {getattr(self, name)!r}; choose one of {', '.join(choices)}.")
        lower_bounds = {
            "alpha_count": 1, "lasso_folds": 2, "smote_neighbours": 1, "calibration_folds": 2, "folds": 2, "repeats": 1,
        }  # fmt: skip
        for name, least in lower_bounds.items():
            if getattr(self, name) < least:
                raise InputError(f"The setting {name} is {getattr(self, name)}; it must be at least {least}.")
        if not 0 < self.p_value <= 1:
            raise InputError(f"The setting p_value is {self.p_value}; it must be above 0 and at most 1.")
        if not 0 < self.alpha_min <= self.alpha_max:
            raise InputError(f"The LASSO grid runs from {self.alpha_min} to {self.alpha_max}; it must start above 0.")
        if not 0 <= self.random_state <= 2**31:
            raise InputError(f"The seed is {self.random_state}; it must lie between 0 and {2**31}.")
        if not self.svm_c > 0:
            raise InputError(f"The setting svm_c is {self.svm_c}; it must be above 0.")

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
