"""What the README says can be typed."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ventral.cli.main import commands
from ventral.knobs import apply_settings
from ventral.model.checkpoint import shipped
from ventral.plugins import load
from ventral.training.recipe import RECIPES, read_recipe

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
TYPED = sorted(set(re.findall(r"^    (ventral .*?)(?: +#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE)))


@pytest.mark.parametrize("line", TYPED)
def test_every_command_is_one_that_exists(line):
    arguments = shlex.split(line)[1:]
    command: click.Command = commands
    context = click.Context(commands)
    while isinstance(command, click.Group) and arguments:
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    command.make_context(line, arguments)  # parses, and runs nothing


def test_the_protocol_is_found_by_its_path_and_its_knobs_can_be_set(tmp_path):
    path = tmp_path / "sandwich.py"
    path.write_text(BLOCKS[0])
    function = load("protocols", str(path)).protocol
    made = function(**apply_settings(function, ["soa_ms=20,40,80"]))
    names = [condition.name for condition in made.conditions]
    assert names == ["forward_only", "no_feedback", "soa_20", "soa_40", "soa_80"]
    assert made.start_ms == -50


def test_the_lines_of_python_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    named: dict[str, object] = {}
    for block in BLOCKS[1:]:
        exec(compile(block, "README.md", "exec"), named)  # our own text
    printed = capsys.readouterr().out
    assert "time" in printed
    assert "nan" in printed
    assert "{'V1': 0, 'V2': 10, 'IT': 20}" in printed
    assert re.findall(r"torch.Size\((.*?)\)", printed) == ["[8, 1, 10]", "[1, 1, 10]", "[8, 8, 10]", "[1, 8, 10]"]


def test_the_table_of_models_is_that_of_their_files():
    table = CliRunner().invoke(commands, ["models", "--markdown"]).output
    assert table.count("\n") == 2 + len(shipped())
    assert table in README.read_text(encoding="utf-8")


def test_the_recipe_is_one_that_can_be_read(tmp_path):
    (toml,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "mine.toml").write_text(toml)
    recipe = read_recipe(str(tmp_path / "mine.toml"))
    assert (recipe.epochs, recipe.drop_epochs, recipe.learning_rate) == (20, (12, 16), RECIPES["paper"].learning_rate)
