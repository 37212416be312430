"""Laws of temporal datasets, read by rsatoolbox."""

import numpy as np
import pytest
from export_runs import PRESENTATION, present, times
from rsatoolbox.data import load_dataset
from rsatoolbox.rdm import calc_rdm_movie

from ventral.export.formats import export_run


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return export_run(run, "rsatoolbox", tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize("area", ["V1", "IT", "A2"])
def test_rsatoolbox_loads_what_was_recorded(folder, area):
    data = load_dataset(str(folder / f"{area}-masked_1_2.h5"))
    np.testing.assert_array_equal(data.measurements, present(area, "masked 1/2").transpose(0, 2, 1))
    assert data.measurements.dtype == np.float64
    assert list(data.time_descriptors["time"]) == times(area)
    names = data.obs_descriptors["stimulus_id"]
    assert names.dtype.kind == "U"
    assert [name.encode().decode("unicode_escape") for name in names] == PRESENTATION["stimulus_id"][:6].tolist()
    assert set(data.obs_descriptors["condition"]) == {"masked 1/2"}
    assert set(data.obs_descriptors["soa_ms"]) == {"20"}
    assert set(data.channel_descriptors["region"]) == {area}
    assert data.descriptors["model"] == "m"


def test_a_movie_of_dissimilarities_averages_repetitions_of_a_stimulus(folder):
    data = load_dataset(str(folder / "IT-un.h5"))
    movie = calc_rdm_movie(data, method="euclidean", descriptor="stimulus_id")
    assert movie.n_cond == 3
    assert list(movie.rdm_descriptors["time"]) == times("IT")
    mean = present("IT", "un").astype(float).reshape(2, 3, 3, 12).mean(0)
    wanted = [((mean[a] - mean[b]) ** 2).mean(-1) for a, b in ((0, 1), (0, 2), (1, 2))]
    ids = list(movie.pattern_descriptors["stimulus_id"])
    place = [ids.index(name) for name in ("\\xe9 0", "b/1.png", "c")]
    for (a, b), each in zip(((0, 1), (0, 2), (1, 2)), wanted, strict=True):
        np.testing.assert_allclose(movie.get_matrices()[:, place[a], place[b]], each, rtol=1e-9)


def test_one_descriptor_alone_tells_stimuli_apart_and_none_is_missing(folder):
    """Of several, rsatoolbox goes by the first; and a missing number is for it one that differs from all others."""
    described = load_dataset(str(folder / "V1-un.h5")).obs_descriptors
    assert {"stimulus_id", "repeat", "presentation", "condition"} <= set(described)
    assert not {"image", "label", "label_name"} & set(described)  # the three images are of three classes
    assert set(described["soa_ms"]) == {"none"}
