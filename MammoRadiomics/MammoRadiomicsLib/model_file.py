"""Trained models as files and as text. Nothing in them is executed.

A ``.mammomodel`` is a zip of ``manifest.json`` (what the model is) and ``arrays.npz`` (its float64 numbers, no pickle).
On reading, sizes are bounded, every type and shape is checked, the hash is compared, and the model must reproduce its
own reference outputs. The hash detects damage, not forgery.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from . import container
from .errors import ModelFileError
from .files import write_atomically
from .trained_model import FORMAT, Model

SUFFIX = ".mammomodel"
REFERENCE_TOLERANCE = 1e-9
_MANIFEST, _ARRAYS = "manifest.json", "arrays.npz"


def from_text(text: str) -> Model:
    """Read what :meth:`Model.to_text` wrote, with the checks of :func:`load`."""
    try:
        content = container.parse_json(text)
        manifest, arrays = content["manifest"], base64.b64decode(content["arrays"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError("The text holds no model, or a damaged one. Load the model file again.") from error
    return _verified(manifest, arrays, "the scene's model")


def save(model: Model, path: str | Path) -> Path:
    """Write a model file, whole or not at all, and return its path."""
    manifest = json.dumps(model.sealed, indent=1, sort_keys=True, allow_nan=False).encode()
    members = {_MANIFEST: manifest, _ARRAYS: container.pack_arrays(model.arrays)}
    write_atomically(path, container.pack(members))
    return Path(path)


def load(path: str | Path) -> Model:
    """Read and verify a model file.

    Raises
    ------
    ModelFileError
        When the file is missing, damaged, of another format, or does not reproduce its reference outputs.
    """
    path = Path(path)
    name = f"the model file {path.name}"
    if not path.is_file():
        raise ModelFileError(f"There is no file {path}. Check the path of the model.")
    if path.stat().st_size > container.LARGEST:
        raise _damaged(name, f"it is larger than {container.LARGEST // 2**20} MB")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"The file {path} cannot be read ({error.strerror}). Check its permissions.") from error
    try:
        members = container.unpack(content, {_MANIFEST, _ARRAYS})
        manifest = container.parse_json(members[_MANIFEST])
    # Damaged bytes make zipfile, zlib and json raise what they like; whatever it is, this is no model.
    except Exception as error:
        raise _damaged(name, "it cannot be unpacked") from error
    return _verified(manifest, members[_ARRAYS], name)


def _damaged(name: str, reason: str) -> ModelFileError:
    return ModelFileError(f"{name[0].upper()}{name[1:]} is damaged or no model: {reason}. Get a fresh copy.")


def _verified(manifest: Any, arrays: bytes, name: str) -> Model:
    """Build a model from untrusted content and let it prove that it computes what it computed when it was saved."""
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if type(found) is not int or found != FORMAT:
        shown = found if type(found) is int and abs(found) < 1000 else "unknown"
        raise ModelFileError(f"{name[0].upper()}{name[1:]} has format {shown}; this version reads {FORMAT}. Update it.")
    manifest = dict(manifest)
    seal = manifest.pop("sha256", None)
    # Forged numbers may overflow on the way to being refused.
    with np.errstate(all="ignore"):
        try:
            model = Model(manifest, container.unpack_arrays(arrays))
            digest = model.digest
            difference = model.reference_error()
        # As in `load`: a manifest that is no model's may fail anywhere, and in any way.
        except Exception as error:
            raise _damaged(name, "its content is not a model's") from error
    if seal != digest:
        raise _damaged(name, "its content does not match its hash")
    if not difference <= REFERENCE_TOLERANCE:
        raise _damaged(name, f"its reference outputs differ by {difference:.2g}")
    return model
