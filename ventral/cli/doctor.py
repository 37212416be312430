"""`ventral doctor`: whether this machine and this installation are in order."""

import json
import sys
from dataclasses import asdict

import click

from ventral.cli.console import busy, echo
from ventral.cli.options import option

MARKS = {"good": "good ", "hint": "hint ", "wrong": "WRONG"}


@click.command()
@option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check this machine and this installation, one line per finding.

    Versions, threads and cores, devices, free disk, places of caches and data, extras, and whether the weights that
    come with ventral are whole and give the accuracy that they should. The exit code is 1 if something is wrong.
    """
    found = []
    with busy("loading"):
        from ventral.doctor.examination import examine
    findings = examine()
    while True:
        with busy("looking"):
            finding = next(findings, None)
        if finding is None:
            break
        found.append(finding)
        if not as_json:
            echo(f"{MARKS[finding.state]}  {finding.subject:10}  {finding.text}")
    number = sum(finding.state == "wrong" for finding in found)
    if as_json:
        click.echo(json.dumps({"wrong": number, "findings": [asdict(finding) for finding in found]}, indent=1))
    else:
        echo(
            f"\n{number} findings are wrong."
            if number > 1
            else f"\n{'1 finding is' if number else 'Nothing is'} wrong."
        )
    if number:
        sys.exit(1)
