"""What other processes are asked to do in tests of parallel work; a file of its own so that they find it."""

import os
import signal
import time
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def end_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def write_process_and_wait(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def compute_ending_the_first_process(case):
    """Compute a case of a cohort, and end the process that comes here first, once."""
    from MammoRadiomicsLib import batch

    try:
        Path(os.environ["MARK_OF_THE_FIRST"]).touch(exist_ok=False)
    except FileExistsError:
        return batch.compute(case)
    os.kill(os.getpid(), signal.SIGKILL)
