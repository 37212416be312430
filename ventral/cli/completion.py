"""`ventral completion`: the script by which a shell completes commands, options and names."""

import click
from click.shell_completion import get_completion_class

from ventral.cli.candidates import fixed
from ventral.errors import choose

PLACES = {
    "bash": 'eval "$(ventral completion bash)"   # as a line of ~/.bashrc',
    "zsh": 'eval "$(ventral completion zsh)"    # as a line of ~/.zshrc, after compinit',
    "fish": "ventral completion fish > ~/.config/fish/completions/ventral.fish",
}


@click.command(
    epilog="\b\nIn the shell:\n" + "\n".join(PLACES.values()),
)
@click.argument("shell", metavar="bash|zsh|fish", shell_complete=fixed(*PLACES))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands, options and names.

    It completes names of models, protocols, analyses, formats and data too, and knobs of --set with their defaults.
    """
    made = get_completion_class(choose("shell", shell, PLACES))
    assert made is not None
    click.echo(made(context.find_root().command, {}, "ventral", "_VENTRAL_COMPLETE").source())
