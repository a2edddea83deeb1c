"""A process that works for a window: JSON lines in, JSON lines out, and it ends with the window.

Requests, one a line; those with an ``id`` are answered by lines with the same ``id``:

``{"id": 1, "command": ["train", ...]}``
    Run a command of the terminal.
``{"image": KEY, "shape": [rows, columns], "dtype": "<u2", "spacing": ..., "origin": ..., "direction": ...}``
    Announce an image (:func:`.parts.image_messages`); lines ``{"image": KEY, "data": BASE64}`` with its pixels follow.
    KEY is the sender's choice.
``{"model": KEY, "text": TEXT}``
    Keep a model (see :meth:`.model_file.Model.to_text`).
``{"forget": [KEY, ...]}``
    Let go of images and models.
``{"id": 2, "predict": {"models": {KEY: PREVALENCE}, "views": {"CC": {"image": KEY, "mask": MASK}}, ...}}``
    Apply models to the outlines of one lesion, each with its local prevalence or null; ``perturb`` and ``explain`` as
    for :func:`.prediction.predict`. MASK is ``{"corner": [top, left], "shape": ..., "data": BASE64}``, a byte a pixel.
    The answer's ``records`` holds the record of each model, or ``{"error": sentence}``.
``{"id": 3, "features": {"preset": NAME, "views": ...}}``
    Extract all features; the answer holds ``features`` by view and ``notes``, what to be careful of.

Answers: ``{"id", "done", "total", "message"}`` while it works, at the end ``{"id", "exit_code", "result"}``,
``{"id", "records"}`` or ``{"id", "error"}``.
"""

from __future__ import annotations

import _thread
import contextlib
import io
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from typing import Any, BinaryIO, TextIO

import SimpleITK as sitk

from . import files, parts
from .errors import MammoRadiomicsError

PATIENCE_S = 3.0
_END = None
log = logging.getLogger(__name__)


class Worker:
    """Handles requests; see the module for their form.

    Parameters
    ----------
    answers : text file
        Where the answers go.
    """

    def __init__(self, answers: TextIO):
        self._answers = answers
        self._images: dict[str, parts.ArrivingImage] = {}
        self._models: dict[str, Any] = {}

    def handle(self, request: dict) -> None:
        """Do what a request says; whatever goes wrong is its answer."""
        try:
            self._do(request)
        except MammoRadiomicsError as error:
            self._answer(request, error=str(error))
        except Exception as error:
            log.exception("A request failed")
            self._answer(request, error=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())

    def _do(self, request: dict) -> None:
        if "command" in request:
            self._answer(request, **self._run(request))
        elif "predict" in request:
            self._answer(request, records=self._predict(**request["predict"]))
        elif "data" in request:
            self._images[request["image"]].add(request["data"])
        elif "image" in request:
            self._images[request["image"]] = parts.ArrivingImage(request)
        elif "features" in request:
            self._answer(request, **self._features(**request["features"]))
        elif "model" in request:
            from . import model_file

            self._models[request["model"]] = model_file.from_text(request["text"])
        elif "forget" in request:
            for key in request["forget"]:
                self._images.pop(key, None)
                self._models.pop(key, None)
        else:
            self._answer(request, error=f"The request has none of the known kinds: {', '.join(sorted(request))}.")

    def _answer(self, request: dict, **content: Any) -> None:
        line = json.dumps({"id": request.get("id"), **content}) + "\n"
        self._answers.write(line)
        self._answers.flush()

    def _run(self, request: dict) -> dict:
        from . import command_line

        def report(done: int, total: int, message: str) -> None:
            self._answer(request, done=done, total=total, message=message)

        complaints = io.StringIO()
        try:
            with contextlib.redirect_stderr(complaints):
                options = command_line.parser().parse_args(request["command"])
        except SystemExit:
            return {"error": complaints.getvalue().strip().splitlines()[-1]}
        code, text = options.command(options, report)
        return {"exit_code": code, "result": text}

    def _predict(self, models: dict[str, dict | None], views: dict[str, dict], **how: Any) -> dict[str, dict]:
        outlines = {view: self._outline(**each) for view, each in views.items()}
        return {key: _record(self._models[key], outlines, local, how) for key, local in models.items()}

    def _features(self, preset: str, views: dict[str, dict]) -> dict:
        from . import prediction, presets

        loaded = presets.load(preset)
        found = {view: prediction.extract_noting(*self._outline(**each), loaded) for view, each in views.items()}
        notes = [f"{view}: {note}" for view, (_values, notes) in found.items() for note in notes]
        return {"features": {view: values for view, (values, _notes) in found.items()}, "notes": notes}

    def _outline(self, image: str, mask: dict) -> tuple[sitk.Image, sitk.Image]:
        known = self._images[image].image
        return known, parts.roi_of(mask, known)


def _record(model: Any, outlines: dict[str, tuple[sitk.Image, sitk.Image]], local: dict | None, how: dict) -> dict:
    from . import prediction

    try:
        return prediction.predict(model, outlines, prevalence=local, **how)
    except MammoRadiomicsError as error:
        return {"error": str(error)}


def serve() -> int:
    """Answer requests from standard input on standard output until it closes, also in the middle of work.

    Whatever else is printed goes to standard error. Python's interrupt ends the work at hand; what does not stop within
    three seconds is killed with all its processes, and no unfinished file remains.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    answers = _own_standard_output()
    if hasattr(os, "setsid"):
        with contextlib.suppress(PermissionError):
            os.setsid()
    requests: queue.Queue[dict | None] = queue.Queue()
    working = threading.Event()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests, working), daemon=True).start()
    worker = Worker(answers)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        while (request := requests.get()) is not _END:
            working.set()
            worker.handle(request)
            working.clear()
    return 0


def _own_standard_output() -> TextIO:
    """Keep standard output for answers, and send what anything else prints there to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _read(stream: BinaryIO, requests: queue.Queue, working: threading.Event) -> None:
    """Queue what arrives; when the stream closes, end the process, in its own way first."""
    for line in stream:
        if line.strip():
            requests.put(json.loads(line))
    requests.put(_END)
    if working.is_set():
        _thread.interrupt_main()
    time.sleep(PATIENCE_S)
    files.remove_unfinished()
    _end_all_processes()


def _end_all_processes() -> None:
    """End this process and those that it started, at once."""
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    elif sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(os.getpid())], check=False)
    os._exit(1)
