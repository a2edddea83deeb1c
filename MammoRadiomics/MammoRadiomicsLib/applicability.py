"""How far training rows lie from the others, for a new patient to be compared with."""

from __future__ import annotations

import numpy as np

_FOLDS = 10


def reference(z: np.ndarray, patients: np.ndarray, random_state: int) -> dict[str, np.ndarray]:
    """Describe where real training rows lie, and how far held-out ones do.

    Parameters
    ----------
    z : numpy.ndarray
        Shape (n, k), the selected features of real rows, standardised as the model does.
    patients : numpy.ndarray
        Shape (n,); a row is held out together with its patient.
    random_state : int
        Seed of the folds.

    Returns
    -------
    dict of numpy.ndarray
        ``centre`` (k,), the mean; ``precision`` (k, k), inverse of the covariance, shrunk as Ledoit and Wolf do
        (J Multivar Anal 88:365, 2004); ``distances`` (101,), percentiles 0 to 100 of the Mahalanobis distances of rows
        from the mean of the other patients' rows, with their covariance.
    """
    from sklearn.covariance import LedoitWolf
    from sklearn.model_selection import GroupKFold

    folds = GroupKFold(min(_FOLDS, len(np.unique(patients))), shuffle=True, random_state=random_state)
    distances = np.empty(len(z))
    for others, held_out in folds.split(z, groups=patients):
        distances[held_out] = np.sqrt(LedoitWolf().fit(z[others]).mahalanobis(z[held_out]))
    fitted = LedoitWolf().fit(z)
    # Symmetric to the last digit, whatever the inversion left.
    precision = (fitted.precision_ + fitted.precision_.T) / 2
    return {
        "centre": fitted.location_,
        "precision": precision,
        "distances": np.percentile(distances, np.arange(101)),
    }
