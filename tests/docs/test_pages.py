"""What the pages of *How to* say is done, in the order in which they say it, in a folder of its own."""

import re
from pathlib import Path

import pytest
import torch
from commands import ventral

DOCS = Path(__file__).parents[2] / "docs"
LISTED = re.findall(r"^([a-z-]+)$", (DOCS / "howto.md").read_text().partition(":maxdepth: 1")[2], re.MULTILINE)
# what these say is done by tests/release, tests/experiment/test_cluster.py, tests/cli/test_sweep.py and tests/report
ELSEWHERE = ("installing", "many-machines", "report")
TASKS = [page for page in LISTED if page not in ELSEWHERE]
READING = ("exports", "outside-networks")  # pages whose Python tests/laws/test_docs.py runs, with what it must give
QUICK = ("own-analysis",)  # all other pages take longer, and are followed in the slow suite
PART = re.compile(r"^```python\n(?P<code>.*?)^```$|^    (?P<command>ventral [^#\n]*)", re.DOTALL | re.MULTILINE)


def follow(page: str) -> int:
    """Do what a page says, and return the number of commands."""
    named: dict[str, object] = {}
    given = 0
    for part in PART.finditer((DOCS / f"{page}.md").read_text(encoding="utf-8")):
        code, command = part["code"], part["command"]
        if command:
            line = command.strip().removeprefix("ventral ")
            if not torch.cuda.is_available():
                line = line.replace("--device cuda", "")
            outcome = ventral(line)
            assert outcome.code == 0, f"{line}\n{outcome.err}"
            given += 1
        elif file := re.match(r"# (\w+\.py)\n", code):
            Path(file[1]).write_text(code)
        elif page not in READING:
            exec(compile(code, f"{page}.md", "exec"), named)  # our own text
    return given


@pytest.mark.parametrize("page", [pytest.param(page, marks=[pytest.mark.slow] * (page not in QUICK)) for page in TASKS])
def test_what_a_page_says_can_be_done(page, desk, record):
    if page == "exports":  # which begins with a run
        record("runs/mask.zarr")
    assert follow(page) > 0


def test_there_is_a_page_for_each_task():
    assert len(TASKS) == len(set(TASKS)) >= 9
    assert set(ELSEWHERE) < set(LISTED)
    assert all((DOCS / f"{page}.md").exists() for page in LISTED)
