"""`ventral data`: where images come from, and how many there are."""

import shutil

from commands import worked

from ventral.plugins import list_scripts


def test_protocols_and_data_are_listed(places):
    listed = worked("protocols").out
    assert all(script.name in listed and script.summary in listed for script in list_scripts("protocols"))
    assert all(source in worked("data").out for source in ("shapes", "cifar10", "PATH"))
    assert " train   arrow        3,000\n" in worked("data show shapes:clutter=0.5").out
    assert " test    dog          6\n" in worked("data show {images}", **places).out
    shutil.copytree(places["images"] / "test", "only/test")
    only = worked("data show only").out
    assert " test    dog          6\n" in only
    assert "has no folder 'train'" in only


def test_images_are_counted_without_being_decoded(places):
    assert " test    cat          6\n" in worked("data show {corrupt}", **places).out
