"""Arrays of responses and RDMs: one content, whatever file, order of axes or order of stimuli it comes in."""

import unicodedata

import h5py
import numpy as np
import pytest
from recorded_data import IMAGES, TIMES_MS, by_pair, made_rdms, made_responses, pairs_of, write_mat73
from scipy.io import savemat
from scipy.spatial.distance import squareform

from ventral.compare.neural import read
from ventral.errors import DataError, UsageError

CELLS = np.array(IMAGES, dtype=object).reshape(-1, 1)


def write(path, form, name, values):
    """Values with names of stimuli and times, in a file of a form."""
    if form == "npz":
        np.savez(path, **{name: values, "stimulus_id": np.array(IMAGES), "time": TIMES_MS})
    elif form == "mat5":
        savemat(path, {name: values, "stimuli": CELLS, "time": TIMES_MS})
    elif form == "mat73":
        write_mat73(path, {name: values, "time": TIMES_MS[None]}, {"stimuli": IMAGES})
    else:
        with h5py.File(path, "w") as file:
            file[name], file["time"], file["stimulus_id"] = values, TIMES_MS, [each.encode() for each in IMAGES]
    return path


@pytest.mark.parametrize("form", ["npz", "mat5", "mat73", "h5"])
def test_responses_are_the_same_in_every_form_of_file(tmp_path, form):
    values = made_responses()
    data = read(write(tmp_path / ("x.npz" if form == "npz" else "x.mat"), form, "responses", values))
    assert data.dims == ("presentation", "time", "unit")
    for number, image in enumerate(IMAGES):
        for repetition in range(3):
            rows = (data.stimulus_id == image) & (data.repetition == repetition)
            assert rows.sum() == 1
            assert np.array_equal(data.values[rows.values][0], values[number, repetition].T)
    assert np.array_equal(data.time, TIMES_MS)
    assert data.attrs["time_is"] == "given"


@pytest.mark.parametrize("form", ["npz", "mat5", "mat73", "h5"])
def test_rdms_are_the_same_in_every_form_of_file(tmp_path, form):
    values = made_rdms()
    rdm = read(write(tmp_path / ("x.npz" if form == "npz" else "x.mat"), form, "rdms", values))
    assert rdm.dims == ("subject", "time", "pair")
    for subject in range(2):
        for time in range(4):
            assert by_pair(rdm, subject, time) == pairs_of(values[subject, time], IMAGES)


def test_vectors_and_matrices_are_the_same_rdm(tmp_path):
    values = made_rdms()
    vectors = np.stack([[squareform(matrix) for matrix in subject] for subject in values])
    square = write(tmp_path / "a.npz", "npz", "rdm", values)
    flat = write(tmp_path / "b.npz", "npz", "rdm", vectors)
    assert read(square).equals(read(flat))


def test_the_order_of_stimuli_in_a_file_does_not_matter(tmp_path):
    values, order = made_rdms(), np.array([3, 0, 4, 2, 1])
    np.savez(tmp_path / "a.npz", rdm=values, stimuli=np.array(IMAGES), time=TIMES_MS)
    mixed = values[:, :, order][:, :, :, order]
    np.savez(tmp_path / "b.npz", rdm=mixed, stimuli=np.array(IMAGES)[order], time=TIMES_MS)
    first, second = (read(tmp_path / f"{name}.npz") for name in "ab")
    assert [by_pair(first, s, t) for s in (0, 1) for t in range(4)] == [
        by_pair(second, s, t) for s in (0, 1) for t in range(4)
    ]


def test_matrices_in_the_first_axes_as_matlab_has_them(tmp_path):
    values = made_rdms(subjects=1)[0]  # (time, image, image)
    savemat(tmp_path / "x.mat", {"rdm": values.transpose(1, 2, 0), "names": CELLS, "time": TIMES_MS})
    rdm = read(tmp_path / "x.mat")
    assert [by_pair(rdm, 0, time) for time in range(4)] == [pairs_of(values[time], IMAGES) for time in range(4)]


def test_a_triangle_alone_is_an_rdm(tmp_path):
    matrix = made_rdms(1, 1)[0, 0]
    for empty in (0.0, np.nan):
        lower = np.where(np.tri(5, k=-1) > 0, matrix, empty)
        np.savez(tmp_path / "x.npz", rdm=lower, stimuli=np.array(IMAGES))
        assert by_pair(read(tmp_path / "x.npz")) == pairs_of(matrix, IMAGES)


def test_regions_are_a_dim_of_their_own(tmp_path):
    values = np.stack([made_rdms(), 2 * made_rdms()])
    np.savez(tmp_path / "x.npz", rdm=values, stimuli=np.array(IMAGES), time=TIMES_MS, region=np.array(["V4", "IT"]))
    rdm = read(tmp_path / "x.npz")
    assert rdm.dims == ("region", "subject", "time", "pair")
    assert np.array_equal(rdm.sel(region="IT"), 2 * rdm.sel(region="V4"))


def test_one_axis_that_could_be_subjects_or_times_is_asked_for(tmp_path):
    np.savez(tmp_path / "x.npz", rdm=made_rdms(1, 4)[0], stimuli=np.array(IMAGES))
    with pytest.raises(UsageError, match=r"could be subjects or times; say what they are, as in dims=\('time',\)"):
        read(tmp_path / "x.npz")
    assert read(tmp_path / "x.npz", dims=("subject",)).sizes["subject"] == 4
    assert read(tmp_path / "x.npz", dims=("time",), times=TIMES_MS).sizes["time"] == 4


def test_axes_are_what_dims_says(tmp_path):
    values = made_responses()
    np.savez(tmp_path / "x.npz", responses=values.transpose(3, 2, 0, 1), stimuli=np.array(IMAGES), time=TIMES_MS)
    with pytest.raises(UsageError, match=r"has 4 places along image \(image 4, .*\) and there are 5 names"):
        read(tmp_path / "x.npz")
    data = read(tmp_path / "x.npz", dims=("time", "unit", "image", "repetition"))
    row = ((data.stimulus_id == "kiwi.png") & (data.repetition == 2)).values
    assert np.array_equal(data.values[row][0], values[3, 2].T)


def test_presentations_of_one_name_are_its_repetitions(tmp_path):
    shown = np.array(["b", "a", "b", "b", "a"])
    np.savez(tmp_path / "x.npz", responses=np.arange(10.0).reshape(5, 2), stimuli=shown)
    with pytest.raises(DataError, match=r"'a' at 1, 4 .*if they are repetitions, say so with dims"):
        read(tmp_path / "x.npz")
    data = read(tmp_path / "x.npz", dims=("presentation", "unit"))
    assert data.repetition.values.tolist() == [0, 0, 1, 2, 1]
    assert data.attrs["time_is"] == "none"


def test_names_are_equal_in_whatever_unicode_they_are_written(tmp_path):
    names = [unicodedata.normalize("NFD", name) for name in IMAGES]
    (tmp_path / "names.txt").write_text("\n".join(names), encoding="utf-8")
    np.save(tmp_path / "x.npy", made_rdms(1, 1)[0, 0])
    rdm = read(tmp_path / "x.npy", stimuli=tmp_path / "names.txt")
    assert set(rdm["first"].values) | set(rdm["second"].values) == set(IMAGES)


def test_a_structured_array_is_read_without_unpickling(tmp_path):
    table = np.zeros(5, dtype=[("stimulus_id", "U20"), ("responses", "f8", (4, 4)), ("index", "i8")])
    table["stimulus_id"], table["responses"] = IMAGES, made_responses(1)[:, 0]
    np.save(tmp_path / "x.npy", table)
    data = read(tmp_path / "x.npy", variable="responses", times=TIMES_MS)
    assert np.array_equal(data.values, made_responses(1)[:, 0].transpose(0, 2, 1))
