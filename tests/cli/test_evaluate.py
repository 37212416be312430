"""`ventral evaluate`: what it prints, and the files that it leaves."""

from pathlib import Path

import pytest
from commands import worked

from ventral.model.checkpoint import read_checkpoint, write_checkpoint


@pytest.mark.parametrize("statistics", ["frozen", "pooled"])
def test_an_evaluation_prints_accuracy_classes_files_the_policy_and_where_the_data_come_from(places, here, statistics):
    tensors, header = read_checkpoint(places["model"])
    write_checkpoint(here / "noted.safetensors", tensors, {**header, "note": "A copy: of something else."})
    outcome = worked(f"evaluate noted.safetensors --images 20 --end-ms 60 --at 50 --policy {statistics}")
    lines = outcome.out.splitlines()
    assert lines[0] == (
        f"accuracy of noted on 20 images of shapes (test), normalisation statistics: {statistics}, model of A copy"
    )
    assert [line.split()[0] for line in lines[3:7]] == ["30", "40", "50", "60"]
    assert f"classes at 50 ms, {statistics} statistics" in lines
    assert any(line.split()[:2] == ["triangle", "2"] for line in lines)
    shown = "statistics estimated, without labels, on 200 images of shapes (train)"
    assert (shown in lines) == (statistics == "pooled")
    folder = Path(f"runs/evaluation-noted-test-{statistics}")
    files = {line for line in lines if line.startswith("runs/")}
    assert files == {str(path) for path in folder.iterdir()}
    assert len(files) == 13
    assert lines[-1] == "A copy: of something else."
