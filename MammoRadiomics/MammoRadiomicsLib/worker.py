"""A process that works for a window: JSON lines in, JSON lines out, and it ends with the window.

Requests, one a line; those with an ``id`` are answered by lines with the same ``id``:

``{"id": 1, "command": ["train", ...]}``
    Run a command of the terminal.
``{"image": KEY, "shape": [rows, columns], "dtype": "<u2", "spacing": ..., "origin": ..., "direction": ...}``
    Announce an image (:func:`.parts.image_messages`); lines ``{"image": KEY, "data": BASE64}`` with its pixels follow.
    KEY is the sender's choice.
``{"model": KEY, "text": TEXT}``
    Keep a model (see :meth:`.model_file.Model.to_text`).
``{"id": 7, "segmenter": KEY, "path": PATH}``
    Load and keep an outline model; the answer's ``segmenter`` says what it is, and none comes without an ``id``.
``{"id": 8, "propose": {"segmenter": KEY, "image": KEY, "click": [column, row], "box": [left, top, right, bottom]}}``
    Propose an outline (:meth:`.proposal.Segmenter.propose`); either of click and box may be null. The answer's
    ``proposal`` holds ``confidence``, ``reason``, ``area_mm2`` and ``mask``, a MASK as below or null.
``{"forget": [KEY, ...]}``
    Let go of images and models.
``{"id": 2, "predict": {"models": {KEY: OPTIONS}, "views": {"CC": {"image": KEY, "mask": MASK}}, ...}}``
    Apply models to the outlines of one lesion. OPTIONS are those of :func:`.prediction.predict` that differ between
    models: ``prevalence``, ``clinical``, ``scanner`` and ``unknown_scanner``; ``perturb`` and ``explain``, beside the
    views, are for all. MASK is ``{"corner": [top, left], "shape": ..., "data": BASE64}``, a byte a pixel.
    The answer's ``records`` holds the record of each model, or ``{"error": sentence}``.
``{"id": 3, "features": {"preset": PRESET, "views": ...}}``
    Extract all features of a preset (:meth:`.presets.Preset.to_json`); the answer holds ``features`` by view and
    ``notes``, what to be careful of.
``{"id": 4, "describe": {"views": ...}}``
    Answer with ``described``: spacing, size and hashes of each outline (:func:`.prediction.describe`).
``{"table": KEY, "columns": [NAME, ...], "rows": [[CELL, ...], ...]}``
    Keep rows of a table, several messages one after the other; the next request that names it takes it.
``{"id": 5, "check": {"source": SOURCE, "features": BOOL, ...}}``
    Find what is wrong with a table, see :func:`.table_check.check`; the answer is its :func:`.table_check.summary`.
    SOURCE is ``{"table": KEY}`` or ``{"path": PATH}``, with ``columns`` (their names by ours) and ``folder``.
``{"id": 6, "copy": {"source": SOURCE, "path": PATH}}``
    Write a table for the steps, see :func:`.table_check.write_copy`.

Answers: ``{"id", "done", "total", "message"}`` while it works, at the end ``{"id", "exit_code", "result"}``,
``{"id", "records"}`` or the like, or ``{"id", "error"}``.
"""

from __future__ import annotations

import _thread
import contextlib
import dataclasses
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
from .errors import InputError, MammoRadiomicsError

PATIENCE_S = 3.0
_END = None
# What a request is, by what it has; pixels and rows come with the name of their image or table.
_KINDS = (
    "command", "predict", "features", "describe", "check", "copy", "data", "image", "rows", "model", "forget",
    "segmenter", "propose",
)  # fmt: skip
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
        self._tables: dict[str, list[dict[str, str]]] = {}
        self._segmenters: dict[str, Any] = {}

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
        kind = next((each for each in _KINDS if each in request), None)
        if kind is None:
            self._answer(request, error=f"The request has none of the known kinds: {', '.join(sorted(request))}.")
            return
        answer = getattr(self, f"_{kind}")(request)
        if answer is not None:
            self._answer(request, **answer)

    def _data(self, request: dict) -> None:
        self._images[request["image"]].add(request["data"])

    def _image(self, request: dict) -> None:
        self._images[request["image"]] = parts.ArrivingImage(request)

    def _rows(self, request: dict) -> None:
        rows = (dict(zip(request["columns"], row, strict=True)) for row in request["rows"])
        self._tables.setdefault(request["table"], []).extend(rows)

    def _model(self, request: dict) -> None:
        from . import model_file

        self._models[request["model"]] = model_file.from_text(request["text"])

    def _forget(self, request: dict) -> None:
        for key in request["forget"]:
            self._images.pop(key, None)
            self._models.pop(key, None)
            self._segmenters.pop(key, None)

    def _answer(self, request: dict, **content: Any) -> None:
        line = json.dumps({"id": request.get("id"), **content}) + "\n"
        self._answers.write(line)
        self._answers.flush()

    def _command(self, request: dict) -> dict:
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

    def _predict(self, request: dict) -> dict:
        how = dict(request["predict"])
        outlines, models = self._outlines(how.pop("views")), how.pop("models")
        return {"records": {key: _record(self._models[key], outlines, how | own) for key, own in models.items()}}

    def _features(self, request: dict) -> dict:
        from . import prediction, presets

        preset = presets.Preset.from_json(request["features"]["preset"])
        outlines = self._outlines(request["features"]["views"])
        found = {view: prediction.extract_noting(*each, preset) for view, each in outlines.items()}
        notes = [f"{view}: {note}" for view, (_values, notes) in found.items() for note in notes]
        return {"features": {view: values for view, (values, _notes) in found.items()}, "notes": notes}

    def _describe(self, request: dict) -> dict:
        from . import prediction

        outlines = self._outlines(request["describe"]["views"])
        return {"described": {view: prediction.describe(*each) for view, each in outlines.items()}}

    def _check(self, request: dict) -> dict:
        from . import table_check

        how = dict(request["check"])
        source = how.pop("source")
        rows, numbers = self._table(**source)
        return table_check.summary(table_check.check(rows, source["folder"], numbers=numbers, **how), len(rows))

    def _copy(self, request: dict) -> dict:
        from . import table_check

        source, path = request["copy"]["source"], request["copy"]["path"]
        rows, _numbers = self._table(**source)
        written = table_check.write_copy(rows, source["folder"], path)
        return {"exit_code": 0, "result": f"{path}: {len(rows)} rows{'' if written else ', as before'}."}

    def _table(
        self, columns: dict[str, str], folder: str, table: str = "", path: str = ""
    ) -> tuple[list[dict[str, str]], list[int] | None]:
        """Return the rows of a table with our names for its columns, and where they stand in their file."""
        from . import table_check, tables

        rows, numbers = (self._tables.pop(table), None) if table else tables.read_numbered_rows(path)
        return table_check.renamed(rows, columns), numbers

    def _outlines(self, views: dict[str, dict]) -> dict[str, tuple[sitk.Image, sitk.Image]]:
        return {view: self._outline(**each) for view, each in views.items()}

    def _segmenter(self, request: dict) -> dict | None:
        from . import proposal

        loaded = self._segmenters[request["segmenter"]] = proposal.load(request["path"])
        facts = ("name", "card", "purpose", "digest", "reach_mm")
        return {"segmenter": {name: getattr(loaded, name) for name in facts}} if "id" in request else None

    def _propose(self, request: dict) -> dict:
        how = dict(request["propose"])
        segmenter, image = self._segmenters.get(how.pop("segmenter")), self._images[how.pop("image")].image
        if segmenter is None:
            raise InputError("No outline model is loaded. Load one first.")
        found = dataclasses.asdict(segmenter.propose(image, **how))
        mask, corner = found.pop("mask"), found.pop("corner")
        return {"proposal": {**found, "mask": None if mask is None else parts.mask_message(mask, corner)}}

    def _outline(self, image: str, mask: dict) -> tuple[sitk.Image, sitk.Image]:
        known = self._images[image].image
        return known, parts.roi_of(mask, known)


def _record(model: Any, outlines: dict[str, tuple[sitk.Image, sitk.Image]], how: dict) -> dict:
    from . import prediction

    try:
        return prediction.predict(model, outlines, **how)
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
            requests.put(_parsed(line))
    requests.put(_END)
    if working.is_set():
        _thread.interrupt_main()
    time.sleep(PATIENCE_S)
    files.remove_unfinished()
    _end_all_processes()


def _parsed(line: bytes) -> dict:
    """Return a request; one without meaning, to be answered so, where a line is none."""
    try:
        request = json.loads(line)
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _end_all_processes() -> None:
    """End this process and those that it started, at once."""
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    elif sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(os.getpid())], check=False)
    os._exit(1)
