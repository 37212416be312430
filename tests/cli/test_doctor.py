"""`ventral doctor`: what was found on this machine, for a person and for a program."""

import json

import pytest
from commands import printed, ventral

from ventral.doctor import examination
from ventral.doctor.finding import good, hint, wrong

FOUND = [good("disk", "/tmp, 3.0 GB free", free_bytes=3 * 10**9), hint("threads", "8 threads on 2 physical cores")]
FAULT = wrong("weights", "shapes is not there; install ventral again.")


@pytest.fixture
def found(monkeypatch):
    """The findings that an examination gives, to which a test adds."""
    findings = [*FOUND]
    monkeypatch.setattr(examination, "LOOKS", {"all": lambda: findings})
    return findings


def test_there_is_one_line_for_each_finding(found):
    first, second, *rest = printed("doctor").splitlines()
    assert first.split() == ["good", "disk", *FOUND[0].text.split()]
    assert second.split() == ["hint", "threads", *FOUND[1].text.split()]
    assert rest == ["", "Nothing is wrong."]


def test_the_exit_code_is_1_if_something_is_wrong(found):
    assert ventral("doctor").code == 0
    found.append(FAULT)
    outcome = ventral("doctor")
    assert outcome.code == 1
    assert outcome.out.splitlines()[-3:] == [f"WRONG  weights     {FAULT.text}", "", "1 finding is wrong."]
    assert ventral("doctor --json").code == 1


def test_a_program_reads_the_same(found):
    found.append(FAULT)
    read = json.loads(ventral("doctor --json").out)
    assert read["wrong"] == 1
    assert [each["state"] for each in read["findings"]] == ["good", "hint", "wrong"]
    assert read["findings"][0]["values"] == {"free_bytes": 3 * 10**9}


def test_of_what_is_broken_the_others_are_still_looked_at(monkeypatch):
    def fail():
        yield FOUND[1]
        raise ImportError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(examination, "LOOKS", {"processor": fail, "disk": lambda: FOUND[:1]})
    outcome = ventral("doctor")
    assert outcome.code == 1
    threads, broken, disk, *_ = outcome.out.splitlines()
    assert "8 threads" in threads
    assert broken.startswith("WRONG  processor   ImportError: libcudart.so.13: cannot open shared object file, in ")
    assert "3.0 GB free" in disk
