"""Recording an experiment: a network, a protocol and images make a run on disk."""

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from ventral.experiment.cluster import Cluster, expect_folder, record_on, threads_of
from ventral.experiment.experiment import Experiment
from ventral.experiment.protocol import Protocol
from ventral.experiment.recorder import Recorder
from ventral.experiment.run import Run, open_run
from ventral.experiment.settings import Settings
from ventral.experiment.writing import Writing
from ventral.model.model import Model, load_model
from ventral.progress import notebook_bar
from ventral.stimuli.selection import Selection
from ventral.store.address import RunPath
from ventral.store.writer import Writer, check_space


def simulate(
    model: Model | str | Path,
    protocol: Protocol,
    selection: Selection,
    out: str | RunPath,
    settings: Settings | None = None,
    command: str = "",
    progress: Callable[[int, int], None] | None = None,
    cluster: Cluster | None = None,
) -> Run:
    """Record an experiment, or resume one that was interrupted.

    Parameters
    ----------
    model
        A model, or what `load_model` takes.
    protocol
        Conditions, each shown to every image.
    selection
        The images, as `ventral.stimuli.selection.select_images` chooses them.
    out
        Folder of the run, or an address in a bucket ("s3://bucket/run.zarr"); if it holds part of the same run, the
        rest is recorded.
    settings
        How it is recorded; the defaults of `Settings` if not given.
    command
        The command that makes the run, kept with it.
    progress
        Called with the number of batches that are committed and their total, first before any is computed. If not
        given, a notebook shows a bar.
    cluster
        Processes that compute, on this machine or others (see `ventral.Cluster`); this process alone if None.

    Returns
    -------
    Run
        The complete run, opened.

    Raises
    ------
    UsageError, ProtocolError, DataError
        As `ventral.experiment.experiment.Experiment`.
    StoreError
        If `out` holds something else, or the disk cannot hold the run.
    ClusterError
        If processes of a cluster do not answer, or would compute other numbers.
    """
    settings = settings or Settings()
    if not isinstance(model, Model):
        model = load_model(model, settings.device)
    experiment = Experiment(model, protocol, selection, settings)
    with notebook_bar("recording", "batches") as bar:
        return record(experiment, out, command, (), progress or bar, cluster)


def record(
    experiment: Experiment,
    out: str | RunPath,
    command: str = "",
    controls: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    cluster: Cluster | None = None,
) -> Run:
    """Record an experiment that is described already, or resume it; see `simulate`.

    Parameters
    ----------
    controls
        Names of other runs in the same folder that differ in their policy only, kept with it for the analyses.
    cluster
        Processes that compute, if not this one.
    """
    if cluster:
        expect_folder(out)
    with threads_of(cluster):
        recorder = Recorder(experiment)
        layout = recorder.layout(command, controls)
        check_space(out, layout)
        with Writer.open(out, layout) as writer:
            pending = writer.pending
            counted = count(layout.batches - len(pending))

            def advance() -> None:
                progress(next(counted), layout.batches)

            advance()
            if cluster and pending:
                record_on(cluster, recorder, writer, advance)
            else:
                _record_here(recorder, writer, advance)
    return open_run(out)


def _record_here(recorder: Recorder, writer: Writer, advance: Callable[[], None]) -> None:
    """Compute the batches that are pending in this process, and have each written while the next are computed."""
    with (
        Writing(writer, advance) as writing,
        closing(recorder.record_tasks(recorder.tasks(writer.pending))) as computing,
    ):
        for batch, activity, logits in computing:
            writing.write(batch, activity, logits)
            del activity, logits  # the writer's alone, whose memory is free once they are written
