"""Mistakes with recorded data: one sentence that says what is wrong, and what would be right."""

import pickle

import numpy as np
import pytest
import xarray as xr
from recorded_data import IMAGES, TIMES_MS, made_rdms, made_responses
from scipy.io import savemat

from ventral.compare.human_labels import read_human_labels
from ventral.compare.matching import matched, renamed
from ventral.compare.neural import read
from ventral.errors import VentralError

NAMES = np.array(IMAGES)
RDM = made_rdms(1, 1)[0, 0]


def lopsided():
    matrix = RDM.copy()
    matrix[1, 3] += 0.1
    return matrix


def with_gap():
    matrix = RDM.copy()
    matrix[0, 2] = matrix[2, 0] = np.nan
    return matrix


def saved(**arrays):
    return lambda path: np.savez(path, **arrays)


def written(content):
    return lambda path: path.write_bytes(content)


def counts_in_another_order(path):
    counts = np.eye(10, dtype=np.int64)[np.arange(10_000) % 10] * 50
    np.save(path, np.roll(counts, 1, axis=0))


MISTAKES = {
    "another number of images": (
        saved(rdm=RDM, stimuli=NAMES[:4]),
        r"rdm of .* is 5 x 5, and there are 4 names of stimuli, which make 4 x 4 or vectors of 6 pairs; give the names",
    ),
    "no names of stimuli": (saved(rdm=RDM), r"does not name its stimuli, which are matched by name and never by order"),
    "a name twice": (
        saved(rdm=RDM, stimuli=NAMES[[0, 1, 2, 3, 0]]),
        r"has 1 names of stimuli more than once, such as 'zebra.png' at 0, 4 \(counted from 0\)",
    ),
    "an image twice": (
        saved(responses=made_responses(), stimuli=NAMES[[0, 1, 2, 3, 0]], time=TIMES_MS),
        r"'zebra.png' at 0, 4 .*; if they are repetitions, say so with dims=\('presentation', ...\)",
    ),
    "a missing dissimilarity": (
        saved(rdm=with_gap(), stimuli=NAMES),
        r"1 of 10 values .* are missing or infinite, most of them in pair zebra.png / été.png \(100 %\); correct the",
    ),
    "times in seconds": (
        saved(responses=made_responses(), stimuli=NAMES, time=TIMES_MS / 1000),
        r"has times from 0.07 to 0.1, which look like seconds; give unit='s', or unit='ms' if they are ms",
    ),
    "another number of times": (
        saved(responses=made_responses(), stimuli=NAMES, time=TIMES_MS[:3]),
        r"has 4 places along time and 3 times",
    ),
    "times out of order": (
        saved(responses=made_responses(), stimuli=NAMES, time=TIMES_MS[::-1]),
        r"has times that do not rise from one to the next",
    ),
    "a file that is not what its ending says": (
        written(b"<!DOCTYPE html>\n<title>404 Not Found</title>\n"),
        r"is no table of trials, whatever its ending; give a header such as stimulus_id,response",
    ),
    "a file of nothing known": (written(b"\x00\x01\x02\xff" * 50), r"is no file of arrays, whatever its ending"),
    "a file that is cut off": (written(b"PK\x03\x04" + bytes(40)), r"cannot be read \(.*\); is it whole\?"),
    "a pickle": (written(pickle.dumps({"rdm": [1]})), r"is a pickle, which can run code and is not opened; save its"),
    "similarities in place of dissimilarities": (
        saved(rdm=1 - RDM, stimuli=NAMES),
        r"has 1 on the diagonal, where a stimulus meets itself; dissimilarities are 0 there \(of correlations r, give",
    ),
    "a matrix that is not symmetric": (
        saved(rdm=lopsided(), stimuli=NAMES),
        r"is not symmetric: row 1, column 3 differs from row 3, column 1 by 0.1; give dissimilarities",
    ),
    "several arrays": (
        saved(one=made_responses(), two=made_responses(), stimuli=NAMES, time=TIMES_MS),
        r"holds one \(5, 3, 4, 4\), two \(5, 3, 4, 4\), .*; say which array is meant \(variable=\)",
    ),
    "a column that is not there": (
        written(b"picture,said\na,b\n"),
        r"has the columns picture, said; say which is the st",
    ),
    "reaction times in seconds": (
        written(b"stimulus,response,rt\na,cat,0.512\nb,dog,0.731\n"),
        r"have a median of 0.62., which look like seconds; give unit='s'",
    ),
    "a reaction time that is no number": (
        written(b"stimulus,response,rt\na,cat,512\nb,dog,soon\n"),
        r"trial 2 of .* has the reaction time 'soon'; give a number above 0, or nothing",
    ),
    "a trial without a response": (
        written(b"stimulus,response\na,cat\nb,\n"),
        r"1 of 2 trials of .* have no response \(stimuli b\); correct the file, or leave such trials out",
    ),
    "a line that is too short": (written(b"stimulus,response,rt\na,cat,512\nb,dog\n"), r"line 3 of .* has 2 cells"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(tmp_path, mistake):
    make, sentence = MISTAKES[mistake]
    path = tmp_path / "x.npz"
    make(path)
    with pytest.raises(VentralError, match=sentence) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def test_pickled_objects_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    for name, save in (("x.npy", np.save), ("y.npz", np.savez)):
        save(tmp_path / name, np.array({"rdm": Trap()}, dtype=object), allow_pickle=True)
        with pytest.raises(
            VentralError, match="holds pickled objects, which can run code and are not opened; save each"
        ):
            read(tmp_path / name)
    (tmp_path / "z.mat").write_bytes(pickle.dumps(Trap(), protocol=4))
    with pytest.raises(VentralError, match="is a pickle"):
        read(tmp_path / "z.mat")
    assert not (tmp_path / "sprung").exists()


def test_an_option_that_means_nothing_for_a_file_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", rdm=RDM, stimuli=NAMES)
    with pytest.raises(
        VentralError, match="is a file of arrays, for which window_ms means nothing; it takes kind, vari"
    ):
        read(tmp_path / "x.npz", window_ms=(0, 100))
    savemat(tmp_path / "y.mat", {"rdm": RDM})
    with pytest.raises(VentralError, match="is rasters, for which dims means nothing"):
        read(tmp_path, dims=("time",))
    with pytest.raises(VentralError, match="there is no file or folder"):
        read(tmp_path / "z.mat")


def test_a_stimulus_that_is_missing_is_listed_and_never_moves_others(tmp_path):
    np.savez(tmp_path / "x.npz", rdm=RDM[1:, 1:], stimuli=NAMES[1:])
    match = matched([*IMAGES, "owl.png"], read(tmp_path / "x.npz"))
    assert match.both == tuple(sorted(IMAGES[1:]))
    assert (match.only_run, match.only_data) == (("owl.png", "zebra.png"), ())
    assert str(match) == "4 stimuli are in both; 2 only in the run (owl.png, zebra.png)."


def test_names_of_another_folder_are_shown_side_by_side(tmp_path):
    np.savez(tmp_path / "x.npz", rdm=RDM, stimuli=NAMES)
    rdm = read(tmp_path / "x.npz")
    run = [f"test/animals/{name.replace('png', 'jpg')}" for name in IMAGES]
    with pytest.raises(
        VentralError, match=r"'test/animals/apple.jpg' is in the run, 'apple.png' in the data; they agree wi"
    ):
        matched(run, rdm)
    with pytest.raises(VentralError, match=r"'a' is in the run, .*; give the names that were presented"):
        matched(["a"], rdm)
    new = renamed(rdm, lambda name: f"test/animals/{name.replace('png', 'jpg')}")
    assert matched(run, new).only_data == ()
    with pytest.raises(VentralError, match="would both be called 'x'; keep them apart"):
        renamed(rdm, lambda _: "x")


def test_human_labels_in_another_order_are_noticed(tmp_path):
    counts_in_another_order(tmp_path / "counts.npy")
    labels = read_human_labels(tmp_path / "counts.npy")
    names = [f"cifar10/test/{number:05d}" for number in range(100)]
    with pytest.raises(
        VentralError, match="is the image's class for 0 % of 100 images; these are labels of other images"
    ):
        labels.beside(names, labels.responses, np.arange(100) % 10)


def test_what_is_missing_is_dropped_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", rdm=with_gap(), stimuli=NAMES)
    with pytest.warns(UserWarning, match=r"left out: 1 of 5 stimuli \(zebra.png\)"):
        rdm = read(tmp_path / "x.npz", missing="drop")
    assert rdm.sizes["pair"] == 6  # all pairs of the other four
    assert isinstance(rdm, xr.DataArray)
    assert rdm.attrs["dropped"] == "1 of 5 stimuli (zebra.png)"
    assert np.isnan(read(tmp_path / "x.npz", missing="keep").values).sum() == 1
