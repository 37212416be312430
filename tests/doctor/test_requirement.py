"""What a distribution requires, read as `packaging` reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement as Peer
from packaging.specifiers import SpecifierSet

from ventral.doctor.requirement import Requirement, requirements

numbers = st.lists(st.integers(0, 12), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
clauses = st.tuples(st.sampled_from([">=", "<=", "==", "!=", ">", "<"]), numbers).map("".join)


@given(version=numbers, versions=st.lists(clauses, max_size=3).map(",".join))
def test_a_version_does_where_packaging_says_so(version, versions):
    assert Requirement("zarr", versions=versions).allows(version) == SpecifierSet(versions).contains(version)


@pytest.mark.parametrize(
    "text",
    [
        "torch>=2.10",
        "zarr<4,>=3.1.6",
        "zarr (<4,>=3.1.6)",
        "h5py",
        "mne; extra == 'export'",
        'ventral[cluster,peers]; extra == "dev"',
        "moto[server]>=5 ; extra == 'dev'",
    ],
)
def test_a_requirement_is_read_as_packaging_reads_it(text):
    read, peer = Requirement.read(text), Peer(text)
    assert (read.name, set(filter(None, read.extras.split(",")))) == (peer.name, peer.extras)
    assert SpecifierSet(read.versions) == peer.specifier
    assert (f'extra == "{read.extra}"' if read.extra else None) == (str(peer.marker) if peer.marker else None)


def test_a_local_version_is_that_of_its_release():
    assert Requirement("torch", versions=">=2.10").allows("2.13.0+cpu")
    assert not Requirement("torch", versions=">=2.14").allows("2.13.0+cpu")


def test_what_ventral_requires_is_what_its_metadata_say():
    assert {"torch", "zarr", "click"} <= {each.name for each in requirements() if not each.extra}
    assert {each.extra for each in requirements()} >= {"", "dev"}
