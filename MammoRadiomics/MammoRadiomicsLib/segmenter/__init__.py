"""Training of outline networks; needs PyTorch, MONAI and ONNX, which applying one does not."""

from __future__ import annotations

import importlib.util

from ..errors import DependencyError

_PACKAGES = ("torch", "monai", "onnx", "onnxruntime")


def missing_packages() -> list[str]:
    """Return which of the packages that training needs are not installed, without importing any."""
    return [name for name in _PACKAGES if importlib.util.find_spec(name) is None]


def ensure_packages() -> None:
    """Raise DependencyError where a package is missing that training needs."""
    missing = missing_packages()
    if missing:
        raise DependencyError(
            f"Training an outline model needs {', '.join(missing)}. In Slicer install the SlicerPyTorch extension and "
            'then monai and onnx with pip; elsewhere: pip install ".[segmenter]".'
        )
