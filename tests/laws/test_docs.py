"""What the README and the pages of docs/ say can be typed."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

import ventral
from ventral.cli.main import commands
from ventral.cli.sweep_plan import read_sweep
from ventral.knobs import apply_settings
from ventral.model.weights import shipped
from ventral.plugins import list_scripts, load
from ventral.training.recipe import RECIPES
from ventral.training.recipes import read_recipe

ROOT = Path(__file__).parents[2]
PAGES = {
    path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
TYPED = sorted(
    {line for page in PAGES.values() for line in re.findall(r"^    (ventral .*?)(?: +#.*)?$", page, re.MULTILINE)}
)
LINKS = [(name, link) for name, page in PAGES.items() for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page)]


def blocks(page: str, language: str = "python") -> list[str]:
    """The blocks of a language on a page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.DOTALL)


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


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_every_link_leads_to_a_file(page, link):
    folder = ROOT if page == "README" else ROOT / "docs"
    assert (folder / link).exists()


def test_the_readme_is_short():
    assert len(PAGES["README"].splitlines()) <= 120


def test_examples_import_from_ventral_alone():
    text = "\n".join(block for page in PAGES for block in blocks(page))
    assert re.findall(r"^from (ventral\.\S+)|^import (ventral\.\S+)", text, re.MULTILINE) == []


def test_the_protocol_is_found_by_its_path_and_its_knobs_can_be_set(tmp_path):
    path = tmp_path / "sandwich.py"
    path.write_text(blocks("own-protocols")[0])
    function = load("protocols", str(path)).protocol
    made = function(**apply_settings(function, ["soa_ms=20,40,80"]))
    names = [condition.name for condition in made.conditions]
    assert names == ["forward_only", "no_feedback", "soa_20", "soa_40", "soa_80"]
    assert made.start_ms == -50


def test_the_lines_of_python_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for page in ("README", "run-format", "own-network", "models", "analyses", "neural-data"):
        named: dict[str, object] = {}
        for block in blocks(page):
            block = block.replace("runs/mask.zarr", "runs/python.zarr")  # the run that the README's example makes
            exec(compile(block, f"{page}.md", "exec"), named)  # our own text
    printed = capsys.readouterr().out
    assert "time" in printed
    assert "nan" in printed
    assert "{'V1': 0, 'V2': 10, 'IT': 20}" in printed
    assert re.findall(r"torch.Size\((.*?)\)", printed) == ["[8, 1, 10]", "[1, 1, 10]", "[8, 8, 10]", "[1, 8, 10]"]


def test_the_outside_networks_are_recorded(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    static, file, *others = blocks("outside-networks")
    Path(file.splitlines()[0].removeprefix("# ")).write_text(file)
    named: dict[str, object] = {}
    for block in (static, "import torch", *others):
        exec(compile(block, "outside-networks.md", "exec"), named)  # our own text
    printed = capsys.readouterr().out
    assert "{'V1': 40, 'V2': 50, 'V4': 60, 'IT': 80, 'readout': 80}" in printed
    assert "{'V1': 0, 'V2': 10, 'V4': 20, 'IT': 30, 'readout': 30}" in printed
    assert printed.endswith("(50,)\n")


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")  # MNE's own, with pandas 3.1
def test_every_export_is_read_as_its_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    selection = ventral.select_images("shapes", count=20)
    protocol = ventral.load_protocol("backward-mask", soa_ms=(20,), end_ms=120)
    settings = ventral.Settings(units=16)
    run = ventral.simulate(ventral.load_model("shapes"), protocol, selection, "runs/mask.zarr", settings)
    for script in list_scripts("exports"):
        ventral.export_run(run, script.name)
    *reading, own = blocks("exports")
    named: dict[str, Any] = {}
    for block in reading:
        exec(compile(block, "exports.md", "exec"), named)  # our own text
    recorded = run["IT"].values
    rows = run.rows("soa_20")
    present = slice(int(np.isnan(recorded[0, :, 0]).sum()), None)
    np.testing.assert_array_equal(named["masked"], recorded[rows])
    np.testing.assert_allclose(named["course"].sel(condition="soa_20"), recorded[rows, present].mean(0), rtol=1e-5)
    np.testing.assert_array_equal(named["tensor"], recorded[:, present].transpose(2, 0, 1))
    assert set(named["times_ms"].index) <= set(named["table"]["condition"])
    np.testing.assert_allclose(named["evoked"].data, recorded[rows, present].mean(0).T, rtol=1e-5)
    assert named["movie"].n_cond == 20
    np.testing.assert_array_equal(named["first_unit"], recorded[rows, present, 0])
    Path("lab_rates.py").write_text(own)
    folder = ventral.export_run(run, "lab_rates.py", areas=["IT"], digits=2)
    rates = np.maximum(recorded[rows, present], 0).mean((0, 1))
    np.testing.assert_allclose(np.loadtxt(folder / "IT-soa_20.txt"), rates, atol=0.0051)


def test_no_page_has_python_that_is_not_run():
    run = ["README", "analyses", "exports", "models", "neural-data", "outside-networks", "own-protocols", "run-format"]
    tasks = ["own-analysis", "own-images", "own-mask", "own-network", "recordings", "start"]  # run by tests/docs
    assert {page for page in PAGES if blocks(page)} == {*run, *tasks}


def test_every_public_name_is_in_the_reference():
    listed = re.findall(r"^   (\w+)$", PAGES["api"], re.MULTILINE)
    assert sorted(listed) == sorted(set(ventral.__all__) - {"__version__"})


def test_every_page_is_in_a_part_of_the_site():
    named = {name for page in PAGES.values() for name in re.findall(r"^([a-z][a-z-]*)$", page, re.MULTILINE)}
    assert set(PAGES) - {"README", "index"} <= named


def test_the_table_of_models_is_that_of_their_files():
    table = CliRunner().invoke(commands, ["models", "--markdown"]).output
    assert table.count("\n") == 2 + len([name for name in shipped() if "/" not in name])
    assert table in PAGES["models"]


def test_the_recipe_is_one_that_can_be_read(tmp_path):
    (toml,) = blocks("training", "toml")
    (tmp_path / "mine.toml").write_text(toml)
    recipe = read_recipe(str(tmp_path / "mine.toml"))
    assert (recipe.epochs, recipe.drop_epochs, recipe.learning_rate) == (20, (12, 16), RECIPES["paper"].learning_rate)


def test_the_picture_of_the_rooms_names_every_room():
    picture = PAGES["README"].split("## The rooms")[1].split("\n## ")[0]
    rooms = {path.name for path in (ROOT / "ventral").iterdir() if (path / "__init__.py").exists()}
    ground = {path.stem for path in (ROOT / "ventral").glob("*.py")} - {"__init__", "__main__"}
    assert rooms | ground <= set(re.findall(r"[a-z]+", picture))


def test_the_sweep_is_one_that_can_be_read(tmp_path):
    (toml,) = blocks("many-machines", "toml")
    (tmp_path / "masks.toml").write_text(toml)
    runs = read_sweep(tmp_path / "masks.toml", commands.commands["simulate"])
    assert len(runs) == 3 * 3 * 2
    for run in runs:
        commands.commands["simulate"].make_context("simulate", list(run.words))  # parses, and runs nothing
        protocol, knobs = run.words[1], [run.words[i + 1] for i, word in enumerate(run.words) if word == "--set"]
        function = load("protocols", protocol).protocol
        assert function(**apply_settings(function, knobs)).end_ms in (200, 300)
