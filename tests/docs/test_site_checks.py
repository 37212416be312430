"""Laws of the checks of the site: what is broken is found, and what is whole is not."""

import pytest
from site_checks import Page, broken_links, requests

PAGE = '<a href="{link}">x</a><a href="#here">y</a><p id="here">z</p>'


@pytest.fixture
def site(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text('<h1 id="top">t</h1>')

    def make(text: str) -> Page:
        (tmp_path / "page.html").write_text(text)
        return Page(tmp_path / "page.html")

    return make


@pytest.mark.parametrize(
    "link", ["other/index.html", "other/index.html#top", "other/", "#here", "https://a.b/c", "mailto:a@b"]
)
def test_a_link_that_leads_somewhere_is_whole(site, link):
    assert list(broken_links(site(PAGE.format(link=link)))) == []


@pytest.mark.parametrize("link", ["other/no.html", "other/index.html#no", "#no", "no.png", "../no/"])
def test_a_link_that_leads_nowhere_is_found(site, link):
    assert list(broken_links(site(PAGE.format(link=link)))) == [link]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ('<script src="https://cdn.a/x.js"></script>', ["https://cdn.a/x.js"]),
        ('<link rel="stylesheet" href="//fonts.a/x.css">', ["//fonts.a/x.css"]),
        ('<img src="http://a/x.png">', ["http://a/x.png"]),
        ('<link rel="canonical" href="https://a/page.html"><a href="https://a">a</a><img src="data:image/png;,">', []),
    ],
)
def test_what_is_asked_of_another_server_is_found(site, text, asked):
    assert list(requests(site(text))) == asked
