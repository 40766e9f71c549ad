"""Runs a program that may do anything: crash, hang, fill memory or a disk, leave processes behind.

Invariants
  H1  A program passes with exit code 0. Anything else, a signal and no end within its limits included, is told.
  H2  No process outlives the program that started it, nor the runner.
"""

import ctypes
import os
import re
import resource
import select
import signal
import subprocess
import time
from pathlib import Path

MEMORY_BYTES = 64 << 30  # address space: a segment may be mapped at 32 GiB
OUTPUT_BYTES_MAX = 1 << 18
# What a harness says when it has found something. What it does afterwards, shrinking above all, is not waited for.
VERDICT = re.compile(r"a difference; shrinking|^\[  FAILED  \]|^FAILED: ", re.MULTILINE)
TOLD = (r"broken invariant: .*", r"^case \d+.*", r"^FAILED: .*", r"^\[  FAILED  \] [^\n(]*", r"a difference")


PRCTL = ctypes.CDLL(None).prctl


def become_subreaper():
    """H2: orphans become children of this process."""
    pr_set_child_subreaper = 36
    PRCTL(pr_set_child_subreaper, 1)


def die_with_parent():
    """H2."""
    pr_set_pdeathsig = 1
    PRCTL(pr_set_pdeathsig, signal.SIGKILL)


def children():
    mine = str(os.getpid())
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "stat").read_text().rpartition(")")[2].split()[1] == mine:
                yield int(folder.name)
        except OSError:
            pass  # ended meanwhile


def end_all_children():
    """H2. Those of a child that was killed become children themselves."""
    while found := list(children()):
        for child in found:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def limit_resources(processor_seconds):
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, folder, wall_seconds, processor_seconds, environment=None):
    """None if the command passes, otherwise a sentence."""
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True,
                               env={**os.environ, "TMPDIR": str(folder), **(environment or {})},
                               preexec_fn=lambda: limit_resources(int(processor_seconds) + 1))
    try:
        output, wrong = listen(process, time.monotonic() + wall_seconds)
        return wrong and told(output, wrong)
    finally:
        process.kill()
        process.wait()
        end_all_children()
        process.stdout.close()


def listen(process, ends):
    """(its output, how it did not pass), without waiting for the end once something was found."""
    output = ""
    while select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))[0]:
        piece = os.read(process.stdout.fileno(), 65536)
        output = (output + piece.decode(errors="replace"))[-OUTPUT_BYTES_MAX:]
        if VERDICT.search(output):
            return output, "found"
        if not piece:
            try:
                return output, ending(process.wait(max(1.0, ends - time.monotonic())))
            except subprocess.TimeoutExpired:
                break
    return output, "no end in time"


def ending(code):
    if code in (-signal.SIGKILL, -signal.SIGXCPU):
        return "no end in its processor time"
    return None if code == 0 else f"{signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def told(output, otherwise):
    for pattern in TOLD:
        if found := re.search(pattern, output, re.MULTILINE):
            return found[0].strip()[:200]
    return otherwise
