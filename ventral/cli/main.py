"""The command line: its commands, and the message when one of them fails."""

import io
import os
import signal
import sys
from pathlib import Path

import click

from ventral.cli.analyses import analyses
from ventral.cli.analyze import analyze
from ventral.cli.compare import compare
from ventral.cli.completion import completion
from ventral.cli.console import echo
from ventral.cli.data import data
from ventral.cli.demo import demo
from ventral.cli.doctor import doctor
from ventral.cli.evaluate import evaluate
from ventral.cli.export import export
from ventral.cli.exports import exports
from ventral.cli.info import info
from ventral.cli.models import models
from ventral.cli.paper import reproduce
from ventral.cli.protocols import protocols
from ventral.cli.report import report
from ventral.cli.simulate import simulate
from ventral.cli.stimuli import stimuli
from ventral.cli.sweep import sweep
from ventral.cli.train import train
from ventral.cli.verify import verify
from ventral.errors import ECHO, VentralError

WELCOME = """\
Experiments on models of the ventral stream, in milliseconds. Three commands to try:

    ventral demo                            record backward masking on a model, and draw what it shows
    ventral protocols show backward-mask    what an experiment shows when, and its knobs
    ventral simulate --protocol flash       record another experiment

`ventral --help` lists all commands, `ventral COMMAND --help` explains one, and `ventral doctor` checks this machine."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, invoke_without_command=True
)
@click.version_option(package_name="ventral")
@click.pass_context
def commands(context: click.Context) -> None:
    """Run experiments on a model of the ventral stream.

    \b
    ventral simulate --protocol backward-mask      record an experiment
    ventral analyze decoding runs/mask.zarr        accuracy against ms, per area
    ventral report runs/mask.zarr                  one page that explains it
    ventral export runs/mask.zarr --to brainscore  hand it to other tools
    """  # noqa: D301 - click wants the character
    if context.invoked_subcommand is None:
        echo(WELCOME)


ACTIONS = (simulate, sweep, analyze, compare, report, export, verify, train, evaluate, reproduce)
LISTINGS = (info, models, protocols, analyses, exports, data, stimuli)
FIRST = (demo, doctor, completion)
for command in (*ACTIONS, *LISTINGS, *FIRST):
    commands.add_command(command)


def main() -> None:
    """Run a command; print an error of ours without a traceback, and let every other exception through."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's request to end is that of Ctrl-C
    if None in (sys.stdout, sys.stderr):  # closed before the process began
        nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    try:
        commands.main(prog_name="ventral", standalone_mode=False)
    except click.exceptions.Abort:
        echo("stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        usage, _, message = shown.getvalue().rstrip().rpartition("\n")
        echo(f"{usage}\n{shortened(message)}".lstrip(), err=True)
        sys.exit(error.exit_code)
    except VentralError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{os.strerror(error.errno).lower()}; check the disk, or choose another place with --out.", 1)


def shortened(message: str) -> str:
    """A message of the command line's parser, which repeats all that was given."""
    return message if len(message) <= 2 * ECHO else f"{message[:ECHO]}... {message[-ECHO:]}"


def _fail(message: str, code: int) -> None:
    echo(f"Error: {message}", err=True)
    sys.exit(code)
