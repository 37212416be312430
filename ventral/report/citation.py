"""How to cite: the software and the paper, as CITATION.cff has them, and the data where we know their source."""

from dataclasses import dataclass

import ventral


@dataclass(frozen=True)
class Citation:
    """A work, as a reference in words and as an entry of BibTeX."""

    words: str
    bibtex: str
    url: str = ""


TITLE = "ventral: visual neuroscience experiments, in milliseconds, on recurrent models of the ventral stream"
PAPER = Citation(
    "Liao, Q. & Poggio, T. (2016). Bridging the Gaps Between Residual Learning, Recurrent Neural Networks and Visual "
    "Cortex. CBMM Memo 047, Center for Brains, Minds and Machines, MIT. arXiv:1604.03640.",
    """@techreport{liao2016bridging,
  title = {Bridging the Gaps Between Residual Learning, Recurrent Neural Networks and Visual Cortex},
  author = {Liao, Qianli and Poggio, Tomaso},
  institution = {Center for Brains, Minds and Machines, McGovern Institute, MIT},
  number = {CBMM Memo 047},
  year = {2016},
  eprint = {1604.03640},
  archiveprefix = {arXiv}
}""",
    "https://arxiv.org/abs/1604.03640",
)
CIFAR10 = Citation(
    "Krizhevsky, A. (2009). Learning Multiple Layers of Features from Tiny Images. University of Toronto.",
    """@techreport{krizhevsky2009learning,
  title = {Learning Multiple Layers of Features from Tiny Images},
  author = {Krizhevsky, Alex},
  institution = {University of Toronto},
  year = {2009}
}""",
)


def software() -> Citation:
    """The software, in the version that made the page."""
    version = ventral.__version__
    return Citation(
        f"The ventral developers. {TITLE} (version {version}).",
        f"@software{{ventral,\n  title = {{{TITLE}}},\n  author = {{{{The ventral developers}}}},\n"
        f"  version = {{{version}}}\n}}",
    )


def citations(data: str) -> list[Citation]:
    """What a page on these data cites."""
    return [software(), PAPER, *([CIFAR10] if data == "cifar10" else [])]
