"""Accuracy over time of networks that differ in their graphs, in the same experiment, and how they differ.

Question: what does one network have that another has not: recurrence, feedback, size?

Method: runs are grouped by graph and name; models whose names differ in the number at their end are seeds of one
network. Curves are means over models. Differences are from the network of the first run, paired over images, and
intervals are 95 %, over models and images crossed; seeds of two networks have nothing to do with each other. Where a
network has one model, intervals are over images alone and say nothing of other trainings. Two networks also differ in
whatever else their training had: only equal training makes a difference one of graphs.

Source: Cameron, Gelbach & Miller (2011), J. Bus. Econ. Stat. 29:238, for intervals over two crossed units; Spoerer,
McClure & Kriegeskorte (2017), Front. Psychol. 8:1551, for recurrent networks beside feedforward ones of equal size.
"""

from pathlib import Path

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.conditions import few_conditions
from ventral.figures.networks import networks_figure
from ventral.figures.saving import save
from ventral.measures.controls import with_other_models
from ventral.measures.networks import by_graph, network_curves
from ventral.measures.recorded import choose_all, recorded_conditions
from ventral.measures.responses import read_responses
from ventral.tables import as_rows, write_csv

CROSSED = "Bands are 95 % intervals over models and images, crossed."
ALONE = "Bands are 95 % intervals; where a network has one model, over images alone."


def analyze(
    run: Run,
    out: Path,
    *,
    runs: tuple[str, ...] | None = None,
    conditions: tuple[str, ...] | None = None,
    observer: str = "instant",
) -> list[Path]:
    """Draw and tabulate accuracy over time of several networks.

    Parameters
    ----------
    run
        What `ventral.open_run` gives; its network is the one that others are compared with.
    out
        Folder for networks.png, .svg and .pdf, and networks.csv.
    runs
        Further runs of the same experiment, by models of this and of other graphs.
    conditions
        Names of conditions. If not given, all are tabulated, and up to six of those that show the target are drawn.
    observer
        Of the readout: instant, cumulative[:leak], instant:MS, threshold[:bits] or best (see the docs of observers).

    Returns
    -------
    list of Path
        The files that were written.
    """
    known = recorded_conditions(run)
    names = choose_all("condition", conditions, [condition.name for condition in known])
    models = with_other_models(run, runs or ())
    read = {
        network: [read_responses(each, names, observer=observer) for each in group]
        for network, group in by_graph(models).items()
    }
    curves = as_rows([network_curves(read)])
    shown = [condition for condition in known if condition.name in names]
    drawn = shown if conditions else few_conditions([each for each in shown if each.target] or shown)
    notes = [provenance(models), CROSSED if min(map(len, read.values())) > 1 else ALONE]
    if len(drawn) < len(shown):
        notes.append(f"{len(drawn)} of {len(shown)} conditions are drawn (others with --set conditions=).")
    numbers = ", ".join(f"{network} {len(group)}" for network, group in read.items())
    notes.append(f"Number of models: {numbers}.")
    first = next(iter(read.values()))[0]
    figure = networks_figure(curves, drawn, 1 / first.attrs["choices"], notes, first.attrs["source"])
    return [*save(figure, out / "networks"), write_csv(curves.assign(statistics=run.policy), out / "networks.csv")]
