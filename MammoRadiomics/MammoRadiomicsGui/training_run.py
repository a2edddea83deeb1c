"""The steps of a training in the panel: their states, the run, its progress, its log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import slicer
from slicer.i18n import tr as _

from .pipeline import Pipeline, Progress, Step, duration
from .training_steps import BLOCKED, DONE, OUTDATED, READY, STEPS, UNNEEDED, Plan

_MARKS = {DONE: "\N{CHECK MARK} ", OUTDATED: "\N{WARNING SIGN} ", READY: "", BLOCKED: "", UNNEEDED: ""}


class RunSection:
    """Runs steps and shows how far they are.

    :param ui: widgets of the panel.
    :param onRun: called with the names of the steps that the user wants to run; None for all.
    :param onStepDone: called with the plan and the name of a step that has succeeded; evaluation is one where
        nothing was to be trained.
    :param onChanged: called when a step starts and when a run ends, whichever way.
    """

    def __init__(self, ui, onRun, onStepDone, onChanged):
        self.ui = ui
        self._onStepDone, self._onChanged = onStepDone, onChanged
        self._plan: Plan | None = None
        self._shown: Plan | None = None
        self._last = self._done = ""
        self._said: dict[str, str] = {}
        self._names = {step: getattr(ui, f"{step}Label").text.partition(". ")[2] for step in STEPS}
        self._names |= {"scan": _("Scan"), "inputs": _("Tables")}
        self.pipeline = Pipeline(self._onProgress, self._onPipelineStepDone, self._onPipelineEnded)
        self.ui.runButton.connect("clicked(bool)", lambda: onRun(None))
        self.ui.extractionButton.connect("clicked(bool)", lambda: onRun(["extraction"]))
        self.ui.stabilityButton.connect("clicked(bool)", lambda: onRun(["stability"]))
        self.ui.trainingButton.connect("clicked(bool)", lambda: onRun(["training"]))
        self.ui.evaluationButton.connect("clicked(bool)", lambda: onRun(["evaluation"]))
        self.ui.clinicalButton.connect("clicked(bool)", lambda: onRun(["clinical"]))
        self.ui.cancelButton.connect("clicked(bool)", self.cancel)
        self.ui.progressBar.visible = self.ui.logGroupBox.visible = False

    @property
    def running(self) -> bool:
        return self.pipeline.running

    def start(self, plan: Plan, steps: list[str] | None, inputs: Iterable[tuple[dict, Iterable[dict]]] = ()) -> None:
        """Run steps as the plan says now, whatever changes meanwhile.

        :param steps: their names; None for those that are not done.
        :param inputs: requests that write the tables of the steps first.
        """
        self._plan = plan
        self._done = _("Done.")
        self.ui.statusLabel.text = _("Starting...")
        self.ui.progressBar.setRange(0, 0)
        self.ui.progressBar.visible = True
        self.pipeline.start(self._steps(plan, steps, inputs))

    def cancel(self) -> None:
        """Stop a run; what is finished stays."""
        if self.running:
            step = self._names[self.pipeline.step]
            self.pipeline.cancel()
            self._finish(_("{step} was cancelled. What was finished is kept.").format(step=step))

    def close(self) -> None:
        """Stop without touching the panel, which is going away."""
        self.pipeline.cancel()

    def show(self, plan: Plan) -> None:
        """Show the states of the steps and what can be run."""
        obstacle = _("A run is in progress.") if self.running else plan.obstacle()
        for step in STEPS:
            state, text = plan.state(step)
            if self.running and self.pipeline.step == step:
                state, text = READY, _("running...")
            elif state == DONE:
                text = self._said.get(step, text)
            getattr(self.ui, f"{step}StateLabel").text = _MARKS[state] + text
            button = getattr(self.ui, f"{step}Button")
            button.enabled = not obstacle and state not in (BLOCKED, UNNEEDED)
            button.toolTip = obstacle or (text if state in (BLOCKED, UNNEEDED) else self._purpose(step))
        if not self.running:
            self._sayReady(plan)
        self.ui.runButton.enabled = not obstacle
        self.ui.runButton.toolTip = obstacle or _("Run every step that is not done, one after the other.")
        self.ui.cancelButton.enabled = self.running

    def say(self, text: str) -> None:
        """Show a sentence under the buttons, until something is changed."""
        self._last = text
        self.ui.statusLabel.text = text

    def _sayReady(self, plan: Plan) -> None:
        """Say what is missing, or what was said last if the plan is the same."""
        if plan != self._shown:
            self._shown, self._last = plan, ""
        self.ui.statusLabel.text = plan.obstacle() or self._last or _("Ready. The window can be used while steps run.")

    def _purpose(self, step: str) -> str:
        return {
            "extraction": _("Extract the features of every outline of the cohort. Cases that are done are kept."),
            "stability": _("Measure which features agree between readers or perturbed outlines (ICC)."),
            "training": _("Train the model, measure it and write its report. This takes minutes."),
            "evaluation": _("Put the model, its curves and its tables into the scene."),
            "clinical": _("Make Table 1, regressions and forest plots from the cohort's clinical columns."),
        }[step]

    def _steps(self, plan: Plan, steps: list[str] | None, inputs: Iterable) -> Iterator[Step]:
        for request, before in inputs:
            yield "inputs", request, before
        wanted = plan.wanted() if steps is None else steps
        for step in wanted:
            if step != "evaluation":
                self._said.pop(step, None)
                arguments = plan.arguments(step)
                self._log(f"> {' '.join(arguments)}")
                yield step, {"command": arguments}, ()
        if steps is None and "training" not in wanted:
            # The tables that were written are as before, and so is what was made from them.
            self._take("evaluation")

    def _onProgress(self, progress: Progress) -> None:
        self.ui.progressBar.setRange(0, progress.total)
        self.ui.progressBar.value = progress.done
        step = self._names[progress.step]
        if not progress.message:
            self.ui.statusLabel.text = _("{step}: starting...").format(step=step)
            self._onChanged()
            return
        text = f"{step}: {progress.message}."
        # The extraction says itself how long it takes, because it knows which cases were done before.
        if progress.step != "extraction" and progress.remainingS is not None and progress.done < progress.total:
            text += " " + _("About {time} remain.").format(time=duration(progress.remainingS))
        self.ui.statusLabel.text = text
        self._log(f"[{progress.done}/{progress.total}] {progress.message}")

    def _onPipelineStepDone(self, step: str, result: str) -> None:
        self._log(result)
        if step != "training":
            self._said[step] = result.strip().partition("\n")[0]
        self._take(step)

    def _take(self, step: str) -> None:
        if step in ("training", "evaluation"):
            self._done = _("Done. The model and its curves are in the scene.")
        self._onStepDone(self._plan, step)

    def _onPipelineEnded(self, reason: str) -> None:
        self._finish(reason or self._done)
        if reason:
            self._log(reason)
            slicer.util.errorDisplay(reason, windowTitle="MammoRadiomics Training")

    def _finish(self, text: str) -> None:
        self.ui.progressBar.visible = False
        self._onChanged()
        self.say(text)

    def _log(self, text: str) -> None:
        self.ui.logGroupBox.visible = True
        self.ui.logTextEdit.appendPlainText(text)
