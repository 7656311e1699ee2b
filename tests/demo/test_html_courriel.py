"""A mail is hostile until shown: nothing runs, nothing is fetched, nothing escapes from the frame."""

from __future__ import annotations

import pytest

from app.demo.html_courriel import clean_html


def show(html: str) -> tuple[str, str]:
    document, feuille = clean_html(html, "/s.css")
    return document.partition("<body>")[2].removesuffix("</body></html>"), feuille


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' JAVASCRIPT:alert(1)'>x</a>",
        "<iframe src='https://ailleurs.test'></iframe>",
        "<form action='https://ailleurs.test'><input name=a></form>",
        "<base href='https://ailleurs.test/'>",
        "<meta http-equiv=refresh content='0;url=https://ailleurs.test'>",
        "<img src='https://ailleurs.test/pixel.gif'>",
        "<link rel=stylesheet href='https://ailleurs.test/x.css'>",
        "<div onclick=alert(1) style='color:red'>x</div>",
    ],
)
def test_what_could_act_is_left_out(hostile: str) -> None:
    corps, _ = show(hostile)
    for interdit in ("alert", "ailleurs", "<script", "<svg", "<form", "<base", "<meta", "<link", "onclick"):
        assert interdit not in corps.lower()


def test_a_text_stays_a_text() -> None:
    corps, _ = show("<p>&lt;b&gt;1 &amp; 2&lt;/b&gt;</p>")
    assert corps == "<p>&lt;b&gt;1 &amp; 2&lt;/b&gt;</p>"


def test_styles_move_to_the_sheet_under_one_class_each() -> None:
    corps, feuille = show(
        "<style>.doux { color: #555 }</style><p class=doux style='margin:0'>a</p><p style='margin:0'>b</p>"
    )
    assert corps == '<p class="doux style-1">a</p><p class="style-1">b</p>'
    assert feuille == ".doux { color: #555 }\n.style-1 { margin:0 }"


def test_a_style_cannot_close_its_rule() -> None:
    _, feuille = show("<p style='color:red} body{display:none'>x</p>")
    assert feuille.count("}") == 1


def test_links_open_apart_and_say_nothing_of_where_they_come_from() -> None:
    corps, _ = show("<a href='https://rdv.test/mon-rendez-vous/abc'>gérer</a>")
    assert 'target="_blank"' in corps
    assert 'rel="noopener noreferrer"' in corps


def test_what_is_left_open_is_closed() -> None:
    corps, _ = show("<table><tr><td><b>x")
    assert corps == "<table><tr><td><b>x</b></td></tr></table>"
