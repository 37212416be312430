"""`ventral info`: a run that one was sent explains itself."""

import pytest


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, model_file):
    from commands import ventral

    path = tmp_path_factory.mktemp("info") / "a.zarr"
    code = ventral(
        f"simulate --protocol lesion --set what=feedback --set start_ms=20 --set end_ms=60 --set target_ms=20 "
        f"--model {model_file} --data shapes --images 10 --units 8 --threads 1 --out {path}"
    ).code
    assert code == 0
    return path


def test_info_says_model_images_conditions_areas_and_the_command(give, recorded):
    code, out, _ = give("info", recorded)
    assert code == 0
    for part in (
        "small",
        "10 of shapes",
        "feedback_0_20-60",
        "feedback × 0",
        "IT",
        "8 unit",
        "simulate --protocol lesion",
    ):
        assert part in out, part


def test_info_of_nothing_is_one_sentence(give, tmp_path):
    code, _, err = give("info", tmp_path / "none.zarr")
    assert code == 1
    assert err.startswith("Error: there is no run at")


def test_a_new_analysis_runs_as_it_is(give, recorded, here):
    assert give("analyses", "new", "my-measure")[0] == 0
    code, _, err = give("analyze", "my_measure.py", recorded, "--out", "found")
    assert code == 0, err
    assert {path.name for path in (here / "found").iterdir()} >= {"my-measure.png", "my-measure.csv"}
    assert "observer" in give("analyses", "show", "my_measure.py")[1]
    assert give("analyses", "new", "my-measure")[0] == 2
    assert give("analyses", "new", "readout", "--out", "x.py")[0] == 2
