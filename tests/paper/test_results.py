"""Laws of the tables: what was added is there, once, whatever came before it, whoever wrote, and however it ended."""

import multiprocessing
import random
from pathlib import Path

import pandas as pd
import pytest
from measurements import measured

from ventral import tables
from ventral.errors import StoreError
from ventral.paper.results import CURVES, RESULTS, add, read_curves, read_results, trainings_of
from ventral.tables import write_csv

RESULTS_HERE = Path(__file__).parents[2] / "results"
ABOUT = {"recipe": "fast, learning_rate=0.1", "data": 'CIFAR-10, "JPEG" copy'}


def network(seed=0, variant="two-state", error=43.1234):
    """A network read at two times, and its two epochs."""
    results, curves = measured([variant], 1, **ABOUT)
    results = pd.concat([results.assign(test_t=t, validation_error=error) for t in (5, 10)])
    return results.assign(seed=seed), curves[:2].assign(seed=seed)


def test_what_is_added_is_read(tmp_path):
    add(tmp_path, *network())
    for read, table in zip((read_results, read_curves), network(), strict=True):
        pd.testing.assert_frame_equal(read(tmp_path), table.reset_index(drop=True), check_exact=True)


def test_there_is_nothing_before_anything_is_added(tmp_path):
    assert read_results(tmp_path).empty
    assert read_curves(tmp_path).empty


def test_the_order_in_which_networks_end_leaves_no_trace(tmp_path):
    networks = [network(seed, variant) for seed in range(3) for variant in ("one-state", "two-state")]
    for place in ("first", "second"):
        for results, curves in networks:
            add(tmp_path / place, results, curves)
        random.Random(1).shuffle(networks)
    for name in (RESULTS, CURVES):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_network_that_is_measured_again_replaces_itself_and_no_other(tmp_path):
    for seed in (0, 1):
        add(tmp_path, *network(seed))
    results, curves = network(error=1.0)
    add(tmp_path, results[:1], curves[:1])
    assert list(read_results(tmp_path)["validation_error"]) == [1.0, 43.1234, 43.1234]
    assert list(read_curves(tmp_path)[["seed", "epoch"]].itertuples(index=False, name=None)) == [(0, 1), (1, 1), (1, 2)]


@pytest.mark.parametrize("name", [RESULTS, CURVES])
def test_a_training_in_the_results_has_its_curves_however_the_writing_ends(tmp_path, monkeypatch, name):
    add(tmp_path, *network(0))
    whole = tables.put

    def interrupted(path, data):
        if path.name == name:
            raise KeyboardInterrupt
        whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("ventral.tables.put", interrupted)
        with pytest.raises(KeyboardInterrupt):
            add(tmp_path, *network(1))
    done = set(trainings_of(read_results(tmp_path)))
    assert done == set(trainings_of(network()[0]))
    assert done <= set(trainings_of(read_curves(tmp_path)))
    add(tmp_path, *network(1))
    assert len(read_results(tmp_path)) == len(read_curves(tmp_path)) == 4


def add_many(folder: Path, variant: str) -> None:
    for seed in range(4):
        add(folder, *network(seed, variant))


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    names = ["one-state", "two-state", "three-state"]
    writers = [context.Process(target=add_many, args=(tmp_path, name)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(read_results(tmp_path)) == len(read_curves(tmp_path)) == 24


def test_a_table_of_other_columns_is_refused_and_left_alone(tmp_path):
    (tmp_path / RESULTS).write_text("figure,error\nfig6,3\n")
    with pytest.raises(StoreError, match=r"results.csv has other columns than this version writes; restore it"):
        add(tmp_path, *network())
    assert (tmp_path / RESULTS).read_text() == "figure,error\nfig6,3\n"


def test_settings_in_old_words_are_read_with_new_ones_and_written_so(tmp_path):
    old = "epochs=2 rate=0.05 momentum=0.9 decay=0.0005 drop_epochs= smoothing=0.0"
    new = "epochs=2 learning_rate=0.05 momentum=0.9 weight_decay=0.0005 drop_epochs= label_smoothing=0.0"
    write_csv(network()[0].assign(settings=old), tmp_path / RESULTS)
    assert set(read_results(tmp_path)["settings"]) == {new}
    add(tmp_path, *network(1))
    assert "decay=" not in (tmp_path / RESULTS).read_text().replace("weight_decay=", "")


@pytest.mark.parametrize(("name", "read"), [(RESULTS, read_results), (CURVES, read_curves)])
def test_the_tables_in_the_repository_keep_their_bytes_when_they_are_read_and_written(tmp_path, name, read):
    assert write_csv(read(RESULTS_HERE), tmp_path / name).read_bytes() == (RESULTS_HERE / name).read_bytes()


@pytest.mark.parametrize("change", [("43.1234", "forty"), (",2.14", "")])
def test_a_damaged_line_is_named(tmp_path, change):
    add(tmp_path, *network())
    path = tmp_path / RESULTS
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(StoreError, match=r"results.csv has a damaged line \(2\); restore it"):
        read_results(tmp_path)
