"""The analysis receptive-fields: its table is what is measured, and its figures show every area."""

import numpy as np
import pandas as pd
import pytest
from ventral.analysis import receptive_fields

from ventral.errors import UsageError
from ventral.experiment.catalogue import load_protocol
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.measures.measured_fields import measured_fields
from ventral.stimuli.selection import Selection

HOW = {"areas": ("V1", "IT"), "permutations": 99}


def recorded(model, images, path, **how):
    protocol = load_protocol("receptive-fields", grid=4, end_ms=40, target_ms=40)
    return simulate(model, protocol, Selection(presented=images.take(range(3))), path, Settings(batch=17, **how))


@pytest.fixture(scope="module")
def run(model, images, tmp_path_factory):
    return recorded(model, images, tmp_path_factory.mktemp("fields") / "a.zarr", units=30)


def test_the_table_has_the_fields_of_every_unit_at_every_time(run, tmp_path):
    files = receptive_fields.analyze(run, tmp_path, **HOW)
    kinds = ("png", "svg", "pdf")
    drawn = [f"receptive-fields{which}.{kind}" for which in ("", "-maps") for kind in kinds]
    assert [path.name for path in files] == [*drawn, "receptive-fields.csv"]
    table = pd.read_csv(files[-1])
    for area in ("V1", "IT"):
        rows, found = table[table["area"] == area], measured_fields(run, area, permutations=99)
        assert len(rows) == found.sizes["unit"] * 5
        for name in ("centre_y", "width", "sd_x", "p", "graph_height", "outside"):
            wide = rows.pivot_table(index="time_ms", columns="unit", values=name, dropna=False)
            np.testing.assert_allclose(wide.values, found[name].values, err_msg=name)
        np.testing.assert_array_equal(rows["channel"].values[::5], found["channel"])
        assert (rows["images"] == 3).all()


def test_the_figures_name_areas_times_and_what_is_outside(run, tmp_path):
    receptive_fields.analyze(run, tmp_path, **HOW, examples=1)
    maps, sizes = ((tmp_path / f"receptive-fields{name}.svg").read_text() for name in ("-maps", ""))
    for text in ("V1", "IT", "0 ms", "40 ms", "theoretical field"):
        assert text in maps
    joined = " ".join(sizes.split())
    assert "Patches of 4 pixels at 4 x 4 places, on for 40 ms." in joined
    assert "The largest response outside of theoretical fields is 0, inside" in joined
    assert maps.count("channel") == 2


def test_means_over_places_are_analysed_without_a_theory(model, images, tmp_path):
    run = recorded(model, images, tmp_path / "a.zarr", record="channels")
    table = pd.read_csv(receptive_fields.analyze(run, tmp_path / "out", **HOW)[-1])
    assert "graph_y" not in table
    assert "outside of theoretical" not in (tmp_path / "out" / "receptive-fields.svg").read_text()


def test_another_protocol_is_refused(model, images, tmp_path):
    flash = load_protocol("flash", duration_ms=(10,), end_ms=30)
    run = simulate(model, flash, Selection(presented=images.take(range(2))), tmp_path / "a.zarr")
    with pytest.raises(UsageError, match="map fields with a protocol such as receptive-fields"):
        receptive_fields.analyze(run, tmp_path / "out")
