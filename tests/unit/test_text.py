import numpy as np
import pytest

from plantctl.core import text
from plantctl.core.text import TextRefused, TextTable, text_id


def test_an_id_follows_from_the_text_alone():
    assert text_id("operator") == 0x96D16ADE6FD58
    assert text_id("operator") != text_id("Operator")
    assert text_id("") == 0


def test_ids_are_exact_as_floating_point_numbers():
    for i in range(1000):
        number = text_id(f"text {i}")
        assert 0 < number < 1 << 52
        assert int(np.float64(number)) == number


def test_a_table_gives_texts_back_and_tells_new_ones_once():
    table = TextTable()
    number = table.add("lot 17")
    assert table.add("lot 17") == number
    assert table[number] == "lot 17"
    assert table.take_new() == {number: "lot 17"}
    assert table.take_new() == {}
    assert table.text(0) == ""
    assert table.text(0xABC) == "#0000000000abc"


def test_the_empty_text_needs_no_place():
    table = TextTable(limit=0)
    assert table.add("") == 0
    assert len(table) == 0


def test_a_full_table_refuses_and_keeps_what_it_has():
    table = TextTable(limit=2)
    table.add("a")
    table.add("b")
    with pytest.raises(TextRefused, match="full"):
        table.add("c")
    assert table.add("a") == text_id("a")
    assert len(table) == 2


def test_a_long_text_is_refused_by_its_bytes():
    table = TextTable(bytes_max=3)
    table.add("abc")
    with pytest.raises(TextRefused, match="longer"):
        table.add("äö")


def test_two_texts_with_one_id_are_refused(monkeypatch):
    monkeypatch.setattr(text, "text_id", lambda _: 5)
    table = TextTable()
    table.add("a")
    with pytest.raises(TextRefused, match="same text id"):
        table.add("b")
    assert table[5] == "a"


def test_a_scan_notes_texts_without_ever_failing(monkeypatch):
    table = TextTable(limit=1)
    assert table.note("a") == text_id("a")
    assert table.note("b") == text_id("b")
    assert table.text(text_id("b")).startswith("#")
    assert table.refused == 1
    monkeypatch.setattr(text, "text_id", lambda _: next(iter(table)))
    assert table.note("c") == 0
    assert table.refused == 2
