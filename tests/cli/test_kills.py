"""`ventral simulate`, killed at random moments of all that it does; VENTRAL_KILLS says how often (`make slow`: 40)."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from small_runs import contents

import ventral
from ventral.store.verify import verify

KILLS = int(os.environ.get("VENTRAL_KILLS", "40"))
AT_MOST = 8  # kills of one recording before it is left to end
LINE = (
    "simulate --protocol backward-mask --set soa_ms=20 --set end_ms=60 --areas IT --images 4 --batch 4 --threads 1 "
    "--model {model} --data {images} --out run.zarr --policy "
)
POLICIES = ("frozen", "pooled", "per-condition")
LEFT = ("is there, but batch", "are not recorded", "is not part of the run")  # what a kill may leave for `verify`


class Nursery:
    """The process that forks commands, and the command that it has forked last."""

    def __init__(self):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        script = Path(__file__).parents[1] / "nursery.py"
        self.process = subprocess.Popen([sys.executable, script], text=True, env=environment, **pipes)

    def begin(self, folder, command):
        """Fork a process for a command in a folder."""
        print(json.dumps([str(folder), *command.split()]), file=self.process.stdin, flush=True)
        self.phases = []
        self.child = None
        while self.child is None:
            self.read()

    def read(self):
        """Read one line; returns the exit code if it says that the command has ended."""
        kind, _, rest = self.process.stdout.readline().strip().partition(" ")
        if kind == "process":
            self.child = int(rest)
        elif kind == "phase":
            self.phases.append((rest, time.perf_counter()))
        elif kind == "ended":
            return int(rest)
        return None

    def wait(self):
        """Exit code of the command, once it has ended; minus the signal that ended it."""
        while (code := self.read()) is None:
            pass
        return code

    def kill(self, phase, delay_s):
        """Kill the command some time after a phase begins, if it gets there; returns the exit code."""
        while self.phases[-1:] == [] or self.phases[-1][0] != phase:
            if (code := self.read()) is not None:
                return code
        time.sleep(delay_s)
        with suppress(ProcessLookupError):  # it has ended before
            os.kill(self.child, signal.SIGKILL)
        return self.wait()


@pytest.fixture(scope="module")
def nursery():
    made = Nursery()
    yield made
    made.process.stdin.close()
    assert made.process.wait(60) == 0
    made.process.stdout.close()


def lengths(phases, ended):
    """Time that each phase lasts, in seconds: its longest occurrence."""
    longest = Counter()
    for (phase, begun), (_, over) in pairwise([*phases, ("", ended)]):
        longest[phase] = max(longest[phase], over - begun)
    return longest


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def assert_usable(path):
    """A run that was killed opens, its files are those that were written, and nothing but them is counted."""
    if not path.exists():
        return
    problems = verify(path)
    assert all(any(words in problem for words in LEFT) for problem in problems), problems
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not complete
        run = ventral.open_run(path)
    recorded = ~np.isin(np.arange(run.presentations.sizes["presentation"]), run.missing)
    for area in run.areas:
        assert np.isnan(run[area][~recorded]).all()
        assert not np.isnan(run[area][recorded, -1]).any()


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_a_recording_killed_again_and_again_ends_in_the_same_bytes(nursery, places, tmp_path, policy):
    """Kills fall on a random phase, at a random time within it, of recordings and of the resumes that follow."""
    command = LINE.format(**places) + policy

    def begin(folder):
        folder.mkdir(exist_ok=True)
        nursery.begin(folder, command)

    begin(tmp_path / "whole")
    assert nursery.wait() == 0
    lasting = lengths(nursery.phases, time.perf_counter())
    wanted = contents(tmp_path / "whole")
    chance, counts, trial = np.random.default_rng(KILLS), Counter(), 0
    wanted_kills = -(-KILLS // len(POLICIES))
    while counts.total() < wanted_kills:
        folder = tmp_path / f"killed-{trial}"
        for _ in range(chance.integers(1, AT_MOST + 1)):
            phase = str(chance.choice(sorted(lasting)))
            begin(folder)
            code = nursery.kill(phase, chance.uniform(0, 1.1) * lasting[phase])
            if code == -signal.SIGKILL:
                counts[nursery.phases[-1][0]] += 1
                assert_usable(folder / "run.zarr")
            else:
                assert code == 0
        begin(folder)
        assert nursery.wait() == 0
        assert contents(folder) == wanted
        assert names(folder) == names(tmp_path / "whole")  # nothing else, not even an empty folder
        trial += 1
        print(f"{policy}: {counts.total()} kills", flush=True)
    print(f"{policy}: {counts.total()} kills in {trial} recordings: {dict(counts)}")
