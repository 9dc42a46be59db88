"""An interrupt that comes while a child is started leaves no child, and no thread that holds up the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from touchline.stack import child as module
from touchline.stack.child import Child

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]
ENDS_WHERE_A_THREAD_IS_STARTED = """
import sys, threading
from pathlib import Path
from touchline.stack.child import Child

start = threading.Thread.start

def interrupted(thread):
    start(thread)
    raise KeyboardInterrupt

threading.Thread.start = interrupted
child = Child("sleeper", ["sleep", "60"], Path(sys.argv[1]))
try:
    child.start()
finally:
    child.stop()
"""


class Interrupted:
    """A queue at which an interrupt comes, before a job is in it or after."""

    def __init__(self, *, is_put: bool) -> None:
        self._is_put = is_put
        self._jobs = module._jobs

    def put(self, job: module._Job) -> None:
        if self._is_put:
            self._jobs.put(job)
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_put", [False, True])
def test_a_child_that_was_being_made_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_put: bool) -> None:
    module._start_spawner()  # from then on it takes from the queue that there is now
    child = Child("sleeper", SLEEPS, tmp_path / "log")
    with monkeypatch.context() as patched:
        patched.setattr(module, "_jobs", Interrupted(is_put=is_put))
        with pytest.raises(KeyboardInterrupt):
            child.start()
    child.stop()

    assert not child.running
    # What follows in the queue is done when what was before it is.
    other = Child("other", SLEEPS, tmp_path / "log")
    other.start()
    other.kill9()
    assert not child.running


def test_an_interrupt_while_the_thread_starts_does_not_hold_up_the_end(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ENDS_WHERE_A_THREAD_IS_STARTED, str(tmp_path / "log")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "KeyboardInterrupt" in ran.stderr
    assert ran.returncode != 0
