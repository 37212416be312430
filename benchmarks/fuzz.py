"""Fuzzing: descriptions of graphs and protocols, knobs, recipes, checkpoints and runs with something wrong in them.

    python benchmarks/fuzz.py --cases 50000

Each case damages one of them and reads it. It must be read, or refused by an error of ours that is one short line,
within 20 s of processor time; anything else is printed, and the exit code is 1. Cases are a function of the seed.

A damaged run is one of two kinds. In one, some file is not what its digest says. In the other, as from a program that
writes runs of its own, digests are made anew after something was changed in a description, so that what reads it meets
the change itself.
"""

import argparse
import hashlib
import json
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ventral.errors import VentralError
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import open_run
from ventral.knobs import apply_settings, knobs
from ventral.model.areas import Area
from ventral.model.checkpoint import describe, network_tensors, write_checkpoint
from ventral.model.graph import AreaGraph
from ventral.model.model import load_model
from ventral.model.network import Network
from ventral.model.wiring import adjacent
from ventral.plugins import call, list_scripts, load
from ventral.stimuli.images import Preprocessing
from ventral.store.index import OWN_DIGEST, ROOT, blanked
from ventral.store.layout import Layout, Recording
from ventral.store.verify import verify
from ventral.store.writer import Writer
from ventral.training.recipe import Recipe
from ventral.training.recipes import as_stored, read_recipe, stored_recipe

LIMIT_S = 20  # of processor time for a case,
WAIT_S = 600  # and of the clock, on a machine that may do other work too
MEMORY = 8 << 30  # bytes; a description cannot ask for more
LONGEST = 1500  # characters of a message
ODD = (None, True, False, 0, -1, 1, 7, 15, 10**6, 10**18, 10**400, 0.5, -0.0, 1e308, float("inf"), "", "x", "->", "V1")
ODD += (
    "x" * 5000,
    "\x1b[31m",
    "\x00",
    [],
    {},
    [[]],
    [[[[]]]],
    {"x": {}},
    [1, 2, 3],
    ["V1"],
    [[0, 10]],
    [[10**9, 10**10]],
)
PIECES = ("[", "]", "{", "}", ",", ":", '"', "null", "1e999", "-", "\\u0000", "9" * 50, "[" * 3000, "\n", "=", " ", "ü")
AREAS = (Area("V1", 3, 8), Area("V2", 4, 4, 0.5))
GRAPH = AreaGraph(AREAS, adjacent(AREAS), readout_ms=(20, 30), classes=3)
FUNCTIONS = {script.name: load("protocols", script.name).protocol for script in list_scripts("protocols")}
PROTOCOLS = [function().to_json() for function in FUNCTIONS.values()]


def damaged_value(value: Any, chance: random.Random) -> Any:
    """A value of JSON, in which something, somewhere, is replaced, removed, repeated or added."""
    if isinstance(value, (dict, list)) and value and chance.random() < 0.8:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key, other = chance.choice(keys), value.copy()
        what = chance.random()
        if what < 0.1:
            del other[key]
        elif what < 0.2 and isinstance(other, list):
            other.append(other[key])
        elif what < 0.2:
            other[f"{key}x"] = other[key]
        else:
            other[key] = damaged_value(value[key], chance)
        return other
    return chance.choice(ODD)


def damaged_text(text: str, chance: random.Random) -> str:
    """A text with a few pieces cut out or put in."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(PIECES) * (chance.random() < 0.7) + text[at + chance.randrange(4) :]
    return text


def damaged_json(text: str, chance: random.Random) -> str:
    """JSON with a wrong value or with wrong text."""
    return damaged_text(text, chance) if chance.random() < 0.4 else json.dumps(damaged_value(json.loads(text), chance))


def read_graph(chance: random.Random, folder: Path) -> None:
    """Read the description of a graph."""
    AreaGraph.from_json(damaged_json(GRAPH.to_json(), chance))


def read_protocol(chance: random.Random, folder: Path) -> None:
    """Read the description of a protocol."""
    Protocol.from_json(damaged_json(chance.choice(PROTOCOLS), chance))


def read_knobs(chance: random.Random, folder: Path) -> None:
    """Make a protocol with some knobs."""
    name = chance.choice(list(FUNCTIONS))
    function = FUNCTIONS[name]
    settings = []
    for knob in chance.sample(list(knobs(function).values()), 2):
        value = chance.choice(
            (knob.example.partition("=")[2], "0", "-10", "20", "1000", "1e9", "9" * 30, "none", "20,20")
        )
        settings.append(f"{knob.name}={damaged_text(value, chance) if chance.random() < 0.5 else value}")
    call(function, apply_settings(function, settings), name, "protocols")


def read_toml(chance: random.Random, folder: Path) -> None:
    """Read a recipe from a file."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in as_stored(Recipe()).items()]
    field = chance.choice(list(as_stored(Recipe())))
    lines.append(f"{field} = {json.dumps(chance.choice(ODD))}" if chance.random() < 0.5 else "")
    text = "\n".join(line for line in lines if not (lines[-1] and line.startswith(f"{field} = ")) or line is lines[-1])
    path = folder / "recipe.toml"
    path.write_bytes(damaged_text(text, chance).encode(chance.choice(("utf-8", "latin-1")), "replace"))
    read_recipe(str(path))


def read_model(chance: random.Random, folder: Path) -> None:
    """Load a checkpoint."""
    network = Network(GRAPH, 30)
    header = describe(network, Preprocessing((0.5, 0.5, 0.5), 0.2), ("a", "b", "c"))
    header |= {"data": {"name": "shapes"}, "recipe": as_stored(Recipe()), "test": {"accuracy": [None, 0.5]}, "note": ""}
    path = folder / "model.safetensors"
    try:
        write_checkpoint(path, network_tensors(network), damaged_value(header, chance))
    except (TypeError, ValueError):  # JSON holds no such thing
        return
    if chance.random() < 0.3:
        content = bytearray(path.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    stored_recipe(load_model(path).metadata)


def made_run(folder: Path) -> Path:
    """The run that is damaged: numbers of no network, recorded once."""
    path = folder / "run.zarr"
    if path.exists():
        return path
    protocol = FUNCTIONS["flash"]()
    recordings = tuple(Recording(area.name, ("unit",), (3,), {"channel": np.arange(3)}, {}) for area in AREAS)
    layout = Layout(
        presentation={"image": np.arange(4), "label": np.arange(4) % 2, "condition": np.array(["flash"] * 4)},
        time_ms=np.arange(3) * 10,
        recordings=recordings,
        classes=("a", "b"),
        batch=2,
        dtype="float16",
        attrs={"identity": {"seed": 0}, "protocol": protocol.to_json(), "graph": GRAPH.to_json(), "command": "ventral"},
        statistics={"mean": np.zeros((3, 2)), "variance": np.ones((3, 2))},
    )
    with Writer.open(path, layout) as writer:
        for batch in writer.pending:
            writer.write(batch, {area.name: np.zeros((2, 3, 3)) for area in AREAS}, np.zeros((2, 3, 2)))
    return path


def damage_a_file(path: Path, chance: random.Random) -> None:
    """Damage any file of a run, and leave its digest."""
    file = chance.choice(sorted(file for file in path.rglob("*") if file.is_file()))
    content = file.read_bytes()
    if file.name == ROOT:
        file.write_text(damaged_json(content.decode(), chance), encoding="utf-8", errors="replace")
    else:
        at = chance.randrange(len(content) + 1)
        file.write_bytes(content[:at] + chance.randbytes(chance.randrange(9)) + content[at + chance.randrange(9) :])


def change_a_description(path: Path, chance: random.Random) -> None:
    """Change the attributes of a run, or what is said of one of its arrays, and all digests with it."""
    root = json.loads((path / ROOT).read_text())
    attrs = root["attributes"]
    manifest = json.loads(attrs.pop("manifest"))
    del attrs[OWN_DIGEST]
    if chance.random() < 0.5:
        name = chance.choice(sorted(name for name in manifest if name.endswith(ROOT)))
        changed = json.dumps(damaged_value(json.loads((path / name).read_text()), chance)).encode()
        (path / name).write_bytes(changed)
        manifest[name] = hashlib.sha256(changed).hexdigest()
    else:
        texts = {name: json.loads(text) for name, text in attrs.items() if str(text).startswith("{")}
        attrs = damaged_value(attrs | texts, chance)
        if not isinstance(attrs, dict):
            attrs = {}
        attrs |= {name: json.dumps(attrs[name]) for name in texts if name in attrs}
    root["attributes"] = {**attrs, "manifest": json.dumps(manifest), OWN_DIGEST: "0" * 64}
    raw = json.dumps(root).encode()
    own = hashlib.sha256(blanked(raw)).hexdigest().encode()
    (path / ROOT).write_bytes(raw.replace(b"0" * 64, own))


def read_run(chance: random.Random, folder: Path) -> None:
    """Open a run and read all of it."""
    whole, path = made_run(folder), folder / "damaged.zarr"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(whole, path)
    chance.choice((damage_a_file, change_a_description))(path, chance)
    verify(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not complete
        run = open_run(path)
    for values in (*(run[area] for area in run.areas), run.logits):
        values.load()
    _ = run.presentations.to_dataframe(), run.protocol, run.graph, run.classes, run.policy, run.statistics


READERS: dict[str, Callable[[random.Random, Path], None]] = {
    "graphs": read_graph,
    "protocols": read_protocol,
    "knobs": read_knobs,
    "recipes": read_toml,
    "checkpoints": read_model,
    "runs": read_run,
}


def outcome_of(reader: Callable[[random.Random, Path], None], chance: random.Random, folder: Path) -> str:
    """What came of a case: "read", "refused", or what was wrong."""
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    signal.alarm(WAIT_S)
    try:
        reader(chance, folder)
    except VentralError as error:
        message = str(error)
        return "refused" if "\n" not in message and len(message) <= LONGEST else f"a long message: {message[:300]}"
    except Exception:
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    return "read"


def main() -> None:
    """Run cases and print, for each kind, how many were read and refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS), help="kinds; all if not given")
    given = parser.parse_args()
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for alarm in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(alarm, lambda *_: (_ for _ in ()).throw(TimeoutError("it hangs")))
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in given.only:
            begun, counts = time.perf_counter(), Counter[str]()
            for case in range(given.cases // len(given.only)):
                outcome = outcome_of(READERS[kind], random.Random(f"{given.seed}/{kind}/{case}"), Path(folder))
                counts[outcome if outcome in ("read", "refused") else "wrong"] += 1
                if outcome not in ("read", "refused"):
                    print(f"{kind}, case {case}: {outcome}")
            failures += counts["wrong"]
            print(f"{kind}: {dict(counts)} in {time.perf_counter() - begun:.0f} s")
    raise SystemExit(failures > 0)


if __name__ == "__main__":
    main()
