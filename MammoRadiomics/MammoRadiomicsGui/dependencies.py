"""Python packages at the moment that they are needed, with the user's consent, and a way on where that fails."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from pathlib import Path

from slicer.i18n import tr as _


def ensure(requester: str, packages: Collection[str] | None = None, pyradiomics: bool = True) -> None:
    """Offer to install what is missing.

    :param requester: who asks, as the user is told.
    :param packages: names from requirements.txt that the action at hand needs; all of them by default.
    :param pyradiomics: whether features are to be computed.
    :raises DependencyError: where only the user can help.
    """
    import slicer.packaging
    from MammoRadiomicsLib import __file__ as libraryFile
    from MammoRadiomicsLib.errors import DependencyError

    if pyradiomics and importlib.util.find_spec("radiomics") is None:
        raise DependencyError(
            _(
                "pyradiomics is missing. Install the SlicerRadiomics extension with the Extensions Manager and restart "
                "Slicer. There is no SlicerRadiomics for macOS; extract features on Linux or Windows."
            )
        )
    requirements = slicer.packaging.load_requirements(Path(libraryFile).parent / "requirements.txt")
    needed = [each for each in requirements if packages is None or each.name in packages]
    try:
        slicer.packaging.pip_ensure(needed, requester=requester)
    except Exception as error:
        raise DependencyError(_notInstalled(needed)) from error


def ensureToTrainOutlines(requester: str) -> None:
    """Offer to install what training an outline model needs; PyTorch comes with an extension of its own.

    :raises DependencyError: where only the user can help.
    """
    import slicer.packaging
    from MammoRadiomicsLib import segmenter
    from MammoRadiomicsLib.errors import DependencyError

    missing = segmenter.missing_packages()
    if "torch" in missing:
        raise DependencyError(
            _(
                "PyTorch is missing. Install the SlicerPyTorch extension with the Extensions Manager, restart Slicer, "
                "and install PyTorch in the module that it brings; it picks the one for your graphics card."
            )
        )
    try:
        slicer.packaging.pip_ensure(missing, requester=requester)
    except Exception as error:
        raise DependencyError(_notInstalled(missing)) from error


def _notInstalled(needed: list) -> str:
    import slicer.packaging

    missing = ", ".join(f'"{each}"' for each in needed if not slicer.packaging.pip_check(each))
    return _(
        "These Python packages could not be installed: {missing}. Connect to the internet and try again. On a computer "
        "that stays offline, fetch them elsewhere with pip download and install them with PythonSlicer -m pip install."
    ).format(missing=missing)


def neededToPredict(models: list) -> set[str]:
    """Return the packages that models need beside pyradiomics: local binary patterns alone need scikit-image."""
    names = (name for model in models for name in model.feature_names)
    return {"scikit-image"} if any("lbp-2D" in name for name in names) else set()


def neededForPreset(preset) -> set[str]:
    """Return the packages that all features of a preset need beside pyradiomics."""
    return {"scikit-image"} if any(name.startswith("lbp-2D") for name in preset.feature_names()) else set()
