"""The transition matrix of a graph.

Source: Liao & Poggio (2016), section 3.3 and Fig. 4.
"""

from ventral.model.graph import AreaGraph


def matrix(graph: AreaGraph) -> dict[tuple[str, str], str]:
    """The transition matrix in the notation of the paper's Fig. 4: (source, target) to "BRCx2+I" or "conv [30, 40)"."""
    cells = {}
    for area in graph.areas:
        if area.identity:
            cells[area.name, area.name] = "I" if area.identity == 1 else f"{area.identity:g}I"
    for edge in graph.edges:
        carried = cells.get((edge.source, edge.target))
        windows = " ".join(f"[{start}, {stop})" for start, stop in edge.windows or ())
        cells[edge.source, edge.target] = f"{edge.kind}{f'+{carried}' if carried else ''} {windows}".rstrip()
    return cells
