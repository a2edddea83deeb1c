"""The steps of a training: what each needs, writes and is run by, and how far it is. No Qt.

A step is done when its file is there and newer than what it was made from, as in a makefile; so the state survives the
window, the scene and an interrupted run.
"""

from __future__ import annotations

import datetime
import json
import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path

from slicer.i18n import tr as _

from .training_predictors import untimely

STEPS = ("extraction", "stability", "training", "evaluation", "clinical")
DONE, READY, OUTDATED, BLOCKED, UNNEEDED = "done", "ready", "outdated", "blocked", "unneeded"


@dataclass(frozen=True)
class Plan:
    """What the choices of the panel come to.

    :param cohort: table of outlines with images and outcomes.
    :param givenFeatures: table of features, where they were extracted before.
    :param folder: where the results go.
    :param outcome: what to predict.
    :param settings: MammoRadiomicsLib.settings.TrainingSettings.
    :param preset, spacingMm, perturb, jobs: how features are extracted; no spacing and no perturbed outlines are 0.
    :param generated: those of the tables that are written when a run starts.
    :param scanned: folder for which a cohort is to be proposed.
    :param predictors: clinical columns that the model takes beside radiomics, and the clinical tables.
    :param times: when such a column is known, where the library does not know, or knows otherwise.
    :param unit, study: what the clinical tables count, and whether they take the study's variables.
    """

    cohort: Path | None
    givenFeatures: Path | None
    folder: Path | None
    outcome: str
    settings: object
    preset: str = "study-1409"
    spacingMm: float = 0.0
    perturb: int = 0
    jobs: int = 1
    generated: frozenset[Path] = frozenset()
    scanned: Path | None = None
    predictors: tuple[str, ...] = ()
    times: dict[str, str] = field(default_factory=dict)
    unit: str = "lesion"
    study: bool = False

    @property
    def features(self) -> Path:
        return self.givenFeatures or self.folder / "features.csv"

    @property
    def icc(self) -> Path:
        return self.folder / "icc.csv"

    @property
    def model(self) -> Path:
        return self.folder / f"{fileName(self.outcome)}.mammomodel"

    @property
    def report(self) -> Path:
        return self.folder / f"{fileName(self.outcome)}-report"

    @property
    def clinicalReport(self) -> Path:
        return self.folder / f"{fileName(self.outcome)}-clinical"

    @property
    def proposal(self) -> Path:
        """The cohort proposed for a scanned folder."""
        return self.folder / "cohort.csv"

    def obstacle(self) -> str:
        """Say what is missing before anything can run; empty when nothing is."""
        if not (self.cohort or self.givenFeatures):
            return _("Give a cohort or features first.")
        if not self.folder:
            return _("Say where the results go.")
        for path in {self.cohort, self.givenFeatures} - {None} - self.generated:
            if not path.is_file():
                return _("There is no file {path}.").format(path=path)
        if not self.outcome:
            return _("Say what to predict: slnm, her2 or a column.")
        return ""

    def wanted(self, anew: bool = False) -> list[str]:
        """Return the steps of a whole run: those that are needed and not done; clinical tables stand apart.

        :param anew: those that are done as well.
        """
        steps = [step for step in STEPS[:-1] if step != "stability" or self.perturb]
        done = (UNNEEDED,) if anew else (DONE, UNNEEDED)
        undone = [step for step in steps if self.state(step)[0] not in done]
        # What comes after a step that runs is made from what it writes.
        return steps if "extraction" in undone else undone

    def state(self, step: str) -> tuple[str, str]:
        """Return the state of a step and a few words about it."""
        return getattr(self, f"_{step}")()

    def arguments(self, step: str) -> list[str]:
        """Return the command of the terminal that does a step."""
        return getattr(self, f"_{step}Arguments")()

    def _extraction(self) -> tuple[str, str]:
        if self.givenFeatures:
            return UNNEEDED, _("not needed: features are given")
        state, text = self._fileState(self.folder and self.features, self.cohort, _("the cohort has changed since"))
        if state == DONE and self._extractedPreset() != self.preset:
            return OUTDATED, _("the preset has changed since")
        return state, text

    def _stability(self) -> tuple[str, str]:
        state, text = self._fileState(self.folder and self.icc, self._features(), _("the features have changed since"))
        return (state, _("if wanted")) if state == READY else (state, text)

    def _training(self) -> tuple[str, str]:
        made = self.folder and self.outcome and self.model
        state, text = self._fileState(made, self._features(), _("the features have changed since"))
        why = untimely(self.predictors, self.times)
        if state != BLOCKED and why:
            return BLOCKED, why
        if state == DONE and self.cohort and self.cohort.is_file() and _isNewer(self.cohort, self.model):
            return OUTDATED, _("the cohort has changed since")
        if state == DONE and not self._isOfTheseSettings():
            return OUTDATED, _("the settings have changed since")
        return state, text

    def _evaluation(self) -> tuple[str, str]:
        if not (self.folder and self.outcome and self.model.is_file()):
            return BLOCKED, _("after training")
        state, text = self._training()
        return (state, text) if state == OUTDATED else (DONE, self._performance())

    def _clinical(self) -> tuple[str, str]:
        if not self.cohort:
            return BLOCKED, _("needs a cohort")
        made = self.folder and self.outcome and self.clinicalReport / "clinical.json"
        state, text = self._fileState(made, self.cohort, _("the cohort has changed since"))
        if state == DONE and not self._isOfTheseChoices(made):
            return OUTDATED, _("the choices have changed since")
        return (state, _("if wanted")) if state == READY else (state, text)

    def _isOfTheseChoices(self, path: Path) -> bool:
        """Tell whether clinical tables were made with the choices of the panel."""
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
            known = {name: settings[name] for name in ("predictors", "times", "unit", "split")}
        except (OSError, KeyError, ValueError):
            return False
        now = {"predictors": self._clinicalPredictors(), "times": self._clinicalTimes()}
        return known == now | {"unit": self.unit, "split": self.settings.split}

    def _clinicalPredictors(self) -> list[str]:
        return ["study"] if self.study else list(self.predictors)

    def _clinicalTimes(self) -> dict[str, str]:
        return {} if self.study else {name: time for name, time in self.times.items() if name in self.predictors}

    def _performance(self) -> str:
        """Say how good the model is on rows that it has not seen."""
        from MammoRadiomicsLib import curves
        from MammoRadiomicsLib.errors import InputError

        try:
            performance = curves.tables_of(self.report)["Performance"]
            first = next(row["rows"] for row in performance if row["rows"] != "training")
            unseen = [row for row in performance if row["rows"] == first]
            if len(unseen) == 1:
                return _("AUC {auc:.2f} ({auc_low:.2f} to {auc_high:.2f}), {rows}").format(**unseen[0])
            aucs = ", ".join(_("{class} {auc:.2f}").format(**row) for row in unseen)
            return _("AUC {aucs}, {rows}").format(aucs=aucs, rows=first)
        except (InputError, StopIteration, TypeError, ValueError):
            return _("no report")

    def _features(self) -> Path | None:
        return self.features if self.givenFeatures or self.folder else None

    def _fileState(self, made: Path | None, source: Path | None, why: str) -> tuple[str, str]:
        if self.obstacle() or not made:
            return BLOCKED, ""
        if not source.is_file() and source not in self.generated:
            return BLOCKED, _("after extraction")
        if not made.is_file() or not source.is_file():
            return READY, _("to do")
        return (OUTDATED, why) if _isNewer(source, made) else (DONE, _("done {time}").format(time=_time(made)))

    def _extractedPreset(self) -> str:
        """Return the name of the preset that the features were extracted with, empty where it is not known."""
        try:
            conditions = json.loads(self.features.with_suffix(".run.json").read_text(encoding="utf-8"))
            return conditions["preset"]["name"]
        except (OSError, KeyError, ValueError):
            return ""

    def _isOfTheseSettings(self) -> bool:
        """Tell whether the model was trained with the settings of the panel."""
        try:
            with zipfile.ZipFile(self.model) as archive:
                manifest = json.loads(archive.read("manifest.json"))
            terms = [term["name"] for term in manifest.get("clinical", {"terms": ()})["terms"]]
            # The model does not keep the name of the reader.
            settings = self.settings.to_json() | {"reader": ""}
            return manifest["training"]["settings"] == settings and sorted(terms) == sorted(self.predictors)
        except (OSError, zipfile.BadZipFile, KeyError, ValueError):
            return False

    def _scanArguments(self) -> list[str]:
        return ["cohort", "scan", str(self.scanned), "--output", str(self.proposal)]

    def _extractionArguments(self) -> list[str]:
        arguments = ["extract", "--cohort", str(self.cohort), "--preset", self.preset, "--output", str(self.features)]
        if self.spacingMm:
            arguments += ["--spacing", repr(self.spacingMm)]
        if self.perturb:
            arguments += ["--perturb", str(self.perturb)]
        return [*arguments, "--jobs", str(self.jobs)]

    def _stabilityArguments(self) -> list[str]:
        return ["stability", "--features", str(self.features), "--output", str(self.icc)]

    def _trainingArguments(self) -> list[str]:
        arguments = ["train", "--features", str(self.features), "--outcome", self.outcome]
        if self.cohort:
            arguments += ["--cohort", str(self.cohort)]
        arguments += [*settingsArguments(self.settings), *self._predictorArguments(self.predictors)]
        return [*arguments, "--output", str(self.model), "--report", str(self.report)]

    def _clinicalArguments(self) -> list[str]:
        arguments = ["clinical", "--cohort", str(self.cohort), "--outcome", self.outcome, "--unit", self.unit]
        if self.settings.split:
            arguments += ["--split", self.settings.split]
        arguments += ["--predictors", "study"] if self.study else self._predictorArguments(self.predictors)
        return [*arguments, "--report", str(self.clinicalReport)]

    def _predictorArguments(self, predictors: tuple[str, ...]) -> list[str]:
        times = [f"{name}={time}" for name, time in self.times.items() if name in predictors]
        return [*(["--predictors", *predictors] if predictors else []), *(["--time", *times] if times else [])]


def settingsArguments(settings) -> list[str]:
    """Return the options of the command ``train`` for settings, those that are not the defaults."""
    arguments = []
    for each in fields(settings):
        value, flag = getattr(settings, each.name), each.name.replace("_", "-")
        if value == each.default:
            continue
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments += ["--seed" if flag == "random-state" else f"--{flag}", str(value)]
    return arguments


def fileName(text: str) -> str:
    """Return a text as the name of a file, on any system."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text)


def _isNewer(path: Path, other: Path) -> bool:
    return path.stat().st_mtime > other.stat().st_mtime


def _time(path: Path) -> str:
    return datetime.datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
