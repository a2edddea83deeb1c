"""What to extract: the shipped presets and anybody's pyradiomics parameter file.

A preset is a pyradiomics parameter file (https://pyradiomics.readthedocs.io, "Customizing the Extraction"), checked by
pyradiomics' own schema, less what one flat image cannot support. The names of its features follow from it alone.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import DependencyError, InputError

# How many features each shipped preset promises; a run that yields another number fails.
DECLARED_COUNTS = {"study-1409": 1409, "mammo-2d": 1374}
SHAPE_CLASSES = ("shape", "shape2D")
_FOLDER = Path(__file__).parent
# pyradiomics' defaults for what a file leaves out, so that a record of the preset is complete.
_DEFAULT_SETTINGS: dict[str, Any] = {
    "normalize": False,
    "normalizeScale": 1,
    "removeOutliers": None,
    "resampledPixelSpacing": None,
    "interpolator": "sitkBSpline",
    "preCrop": False,
    "padDistance": 5,
    "resegmentRange": None,
    "minimumROIDimensions": 2,
    "minimumROISize": None,
    "distances": [1],
    "force2D": False,
    "force2Ddimension": 0,
}
_IRRELEVANT = ("additionalInfo", "geometryTolerance", "label", "label_channel", "correctMask")
_IMAGE_NAMES = {
    "Original": "original",
    "Square": "square",
    "SquareRoot": "squareroot",
    "Logarithm": "logarithm",
    "Exponential": "exponential",
    "Gradient": "gradient",
    "LBP2D": "lbp-2D",
}


@dataclass(frozen=True)
class CatalogueEntry:
    """One feature that pyradiomics knows.

    `computed` says when: ``default``, ``by name`` (only where a preset lists it) or ``never``. `ibsi_code` and
    `ibsi_name` are those of the IBSI reference manual (arXiv 1612.07003), empty where it has no such feature;
    `deviation` is where pyradiomics departs from it.
    """

    feature_class: str
    feature: str
    computed: str
    ibsi_code: str
    ibsi_name: str
    deviation: str


@functools.cache
def catalogue() -> tuple[CatalogueEntry, ...]:
    """Every feature of pyradiomics, in its order, with IBSI's code for it."""
    with (_FOLDER / "feature_catalogue.csv").open(newline="", encoding="utf-8") as file:
        return tuple(CatalogueEntry(**row) for row in csv.DictReader(file))


@dataclass(frozen=True)
class Preset:
    """What to extract, in pyradiomics' words.

    Attributes
    ----------
    name : str
        Of a shipped preset, or of the parameter file without its suffix.
    image_types : dict of str to dict
        pyradiomics' image types, each with the settings that hold for it alone.
    feature_classes : dict of str to list of str or None
        pyradiomics' feature classes, each with its features; None or an empty list stands for all that are not
        deprecated.
    settings : dict
        pyradiomics' settings, defaults included.
    """

    name: str
    image_types: dict[str, dict[str, Any]]
    feature_classes: dict[str, list[str] | None]
    settings: dict[str, Any]

    def feature_names(self) -> tuple[str, ...]:
        """Names of all features, known without any image, in pyradiomics' order."""
        return _feature_names(_canonical(self.to_json()))

    @property
    def feature_count(self) -> int:
        """How many features one outline has."""
        return len(self.feature_names())

    @property
    def resamples(self) -> bool:
        """Whether images are brought to one pixel spacing before anything is computed."""
        return bool(self.settings.get("resampledPixelSpacing"))

    def settings_for(self, image_type: str) -> dict[str, Any]:
        """Settings that hold for one image type, its own included."""
        return {**self.settings, **self.image_types[image_type]}

    def image_names(self, image_type: str) -> tuple[str, ...]:
        """Names of the images of one type, such as ``wavelet-LH`` ... for ``Wavelet``."""
        return tuple(_image_names(image_type, self.settings_for(image_type)))

    def features_of(self, feature_class: str) -> tuple[str, ...]:
        """Names of the features of one class, such as ``Busyness`` ... for ``ngtdm``."""
        listed = self.feature_classes[feature_class]
        return tuple(dict.fromkeys(listed)) if listed else _default_features(feature_class)

    def to_json(self) -> dict[str, Any]:
        """As plain data, for a file or a record of how features were made."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Preset:
        """Back from :meth:`to_json`.

        Raises
        ------
        InputError
            Where anything is missing, or not possible for a mammogram.
        """
        parts = [(key, str if key == "name" else dict) for key in Preset.__dataclass_fields__]
        wrong = [key for key, kind in parts if not isinstance(data, dict) or not isinstance(data.get(key), kind)]
        if wrong:
            raise InputError(f"The description of a preset lacks a usable {', '.join(wrong)}. Load the preset again.")
        preset = Preset(**{key: data[key] for key, _ in parts})
        _refuse_impossible(preset)
        return preset

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: the same for the same preset, whatever the order of its keys."""
        return hashlib.sha256(_canonical(self.to_json(), sort_keys=True).encode()).hexdigest()


def load(preset: str | Path | Preset) -> Preset:
    """Find a preset and check it.

    Parameters
    ----------
    preset : str, path or Preset
        The name of a shipped preset (``study-1409``, ``mammo-2d``), or a pyradiomics parameter file (YAML or JSON).

    Returns
    -------
    Preset

    Raises
    ------
    InputError
        An unknown name, a file that pyradiomics refuses, a setting that a mammogram cannot support, a shipped preset
        that yields another number of features than it declares.
    DependencyError
        Without pyradiomics, whose schema judges the file.
    """
    if isinstance(preset, Preset):
        _refuse_impossible(preset)
        return preset
    if str(preset) in DECLARED_COUNTS:
        return _shipped(str(preset))
    if not Path(preset).is_file():
        raise InputError(
            f"There is no preset {str(preset)!r}. Use {' or '.join(DECLARED_COUNTS)}, "
            "or the path of a pyradiomics parameter file."
        )
    own = _read(Path(preset))
    if own.name in DECLARED_COUNTS and own != _shipped(own.name):
        raise InputError(f"{preset} differs from the shipped preset of that name. Rename the file.")
    return own


def import_radiomics() -> Any:
    """Import pyradiomics, whose parts are loaded with it.

    Raises
    ------
    DependencyError
        Where it is not installed.
    """
    try:
        import radiomics
    except ImportError as error:
        raise DependencyError(
            "Feature extraction needs pyradiomics. Inside Slicer install the SlicerRadiomics extension; "
            "elsewhere: pip install pyradiomics-bhklab."
        ) from error
    return radiomics


@functools.cache
def _shipped(name: str) -> Preset:
    preset = _read(_FOLDER / "presets" / f"{name}.yaml")
    if preset.feature_count != DECLARED_COUNTS[name]:
        raise InputError(
            f"Preset {name} yields {preset.feature_count} features and declares {DECLARED_COUNTS[name]}. Reinstall it."
        )
    return preset


def _read(path: Path) -> Preset:
    """Parse a parameter file and have pyradiomics' schema judge it, as RadiomicsFeatureExtractor would.

    The extractor itself is not made: it sets SimpleITK's tolerances for the whole process.
    """
    schema, functions = import_radiomics().getParameterValidationFiles()
    import pykwalify.core
    from pykwalify.errors import PyKwalifyException
    from ruamel.yaml.error import YAMLError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pykwalify's way to load a module; pyradiomics' as well
        try:
            core = pykwalify.core.Core(source_file=str(path), schema_files=[schema], extensions=[functions])
            parameters = _quietly(core.validate)
        except OSError as error:
            raise InputError(f"Preset {path} cannot be read ({error.strerror}). Check the file.") from error
        except (PyKwalifyException, YAMLError, TypeError, ValueError) as error:
            raise InputError(
                f"Preset {path.name} is not a pyradiomics parameter file: {_first_line(error)}. Correct it, or use "
                f"{' or '.join(DECLARED_COUNTS)}."
            ) from error
    return _from_parameters(path.stem, parameters)


def _quietly(validate: Any) -> Any:
    """Run pykwalify's validation without its log: what it finds is in the exception."""
    log = logging.getLogger("pykwalify.core")
    keep_silent = logging.Filter()
    keep_silent.filter = lambda record: False  # type: ignore[method-assign]
    log.addFilter(keep_silent)
    try:
        return validate()
    finally:
        log.removeFilter(keep_silent)


def _first_line(error: Exception) -> str:
    text = " ".join(str(getattr(error, "msg", error) or error).split())
    return text[:300]


def _from_parameters(name: str, parameters: dict[str, Any]) -> Preset:
    if parameters.get("voxelSetting"):
        raise InputError(f"Preset {name} has a voxelSetting: feature maps are not supported. Remove that section.")
    settings = {**_DEFAULT_SETTINGS, **(parameters.get("setting") or {})}
    _refuse_mask_settings(name, settings)
    classes = parameters.get("featureClass") or dict.fromkeys(each.feature_class for each in catalogue())
    image_types = parameters.get("imageType") or {"Original": {}}
    preset = Preset(
        name,
        {image_type: own or {} for image_type, own in image_types.items()},
        classes,
        {key: value for key, value in settings.items() if key not in _IRRELEVANT},
    )
    _refuse_impossible(preset)
    return preset


def _refuse_mask_settings(name: str, settings: dict[str, Any]) -> None:
    """The label and the fit of a mask are settled where the mask is read."""
    if settings.get("correctMask"):
        raise InputError(f"Preset {name} sets correctMask: resample the mask onto the mammogram before, and remove it.")
    if settings.get("label", 1) != 1 or settings.get("label_channel", 0) != 0:
        raise InputError(f"Preset {name} sets a label: remove it and give the label with the mask.")


def _refuse_impossible(preset: Preset) -> None:
    """Refuse what one flat image cannot support, saying why."""
    reasons = [
        reason
        for image_type in preset.image_types
        for reason in _reasons_against(image_type, preset.settings_for(image_type))
    ]
    reasons += _features_without_value(preset)
    if not preset.image_types or not preset.feature_classes:
        reasons.append("it asks for no image type or no feature class")
    if preset.settings.get("minimumROIDimensions", 2) > 2:
        reasons.append("minimumROIDimensions is 3, but an outline on a mammogram has two dimensions")
    if reasons:
        raise InputError(f"Preset {preset.name} cannot be used on a mammogram: {'; '.join(dict.fromkeys(reasons))}.")


def _reasons_against(image_type: str, settings: dict[str, Any]) -> Iterator[str]:
    if image_type == "LBP3D":
        yield "LBP3D needs a volume (use LBP2D)"
    elif image_type not in (*_IMAGE_NAMES, "LoG", "Wavelet"):
        yield f"the image type {image_type} is unknown"
    if settings.get("force2D") is not True:
        yield "force2D is not true, and a mammogram has no third dimension (add 'force2D: true' to the settings)"
    if settings.get("force2Ddimension", 0) != 0:
        yield "force2Ddimension is not 0, the direction across the slice"
    if settings.get("voxelBased"):
        yield "feature maps (voxelBased) are not supported"
    if image_type == "LoG" and not settings.get("sigma"):
        yield "LoG has no sigma"


def _features_without_value(preset: Preset) -> Iterator[str]:
    known = {(each.feature_class, each.feature): each for each in catalogue()}
    for feature_class, listed in preset.feature_classes.items():
        if feature_class not in {each.feature_class for each in catalogue()}:
            yield f"the feature class {feature_class} is unknown"
        for feature in listed or []:
            entry = known.get((feature_class, feature))
            if entry is None or entry.computed == "never":
                why = "is unknown" if entry is None else f"gives {entry.deviation}"
                yield f"the feature {feature_class} {feature} {why}"


@functools.cache
def _default_features(feature_class: str) -> tuple[str, ...]:
    return tuple(
        each.feature for each in catalogue() if each.feature_class == feature_class and each.computed == "default"
    )


@functools.lru_cache(maxsize=64)
def _feature_names(canonical: str) -> tuple[str, ...]:
    preset = Preset(**json.loads(canonical))
    shapes = (name for name in SHAPE_CLASSES if name in preset.feature_classes)
    names = [f"original_{shape}_{feature}" for shape in shapes for feature in preset.features_of(shape)]
    textures = [name for name in preset.feature_classes if name not in SHAPE_CLASSES]
    for image_type in preset.image_types:
        for image in preset.image_names(image_type):
            names += [f"{image}_{texture}_{each}" for texture in textures for each in preset.features_of(texture)]
    return tuple(dict.fromkeys(names))


def _image_names(image_type: str, settings: dict[str, Any]) -> Iterator[str]:
    if image_type == "LoG":
        yield from (f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D" for sigma in settings["sigma"])
    elif image_type == "Wavelet":
        levels = ["", *range(2, settings.get("level", 1) + 1)]
        yield from (f"wavelet{level}-{band}" for level in levels for band in ("LH", "HL", "HH"))
        yield f"wavelet{levels[-1]}-LL"
    else:
        yield _IMAGE_NAMES[image_type]


def _canonical(data: dict[str, Any], sort_keys: bool = False) -> str:
    return json.dumps(data, sort_keys=sort_keys, ensure_ascii=False, separators=(",", ":"))
