"""Which registers are read together: near ones, never forbidden ones, whole blocks exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.drivers._pack import Span, Unpackable, pack


def blocks(*spans, **settings):
    return [(b.first, b.count) for b in pack([Span(*s) for s in spans], **settings).blocks]


def test_neighbours_are_one_request():
    assert blocks((100, 1), (101, 2), (110, 1)) == [(100, 11)]


def test_a_gap_wider_than_allowed_is_not_read():
    assert blocks((100, 1), (110, 1), gap=8) == [(100, 1), (110, 1)]
    assert blocks((100, 1), (109, 1), gap=8) == [(100, 10)]


def test_a_request_is_never_longer_than_the_protocol_allows():
    assert blocks((0, 2), (60, 2), (123, 2), (125, 2)) == [(0, 125), (125, 2)]


def test_a_forbidden_hole_is_never_touched():
    assert blocks((100, 2), (110, 2), holes=[(105, 106)]) == [(100, 2), (110, 2)]
    with pytest.raises(Unpackable, match="must not be read"):
        pack([Span(100, 4)], holes=[(103, 200)])


def test_a_whole_block_is_read_exactly_and_serves_what_lies_in_it():
    layout = pack([Span(2090, 10, whole=True), Span(2092, 2), Span(2094, 2), Span(2100, 1)])
    assert [(b.first, b.count) for b in layout.blocks] == [(2090, 10), (2100, 1)]
    assert layout.position(Span(2094, 2)) == 4
    assert layout.position(Span(2100, 1)) == 10


def test_registers_that_hang_half_over_a_whole_block_are_refused():
    with pytest.raises(Unpackable, match="must be read whole"):
        pack([Span(2090, 10, whole=True), Span(2099, 2)])


def test_more_registers_than_one_request_holds_are_refused():
    with pytest.raises(Unpackable, match="more than the 10"):
        pack([Span(0, 11)], most=10)


SPANS = st.lists(st.builds(Span, st.integers(0, 600), st.integers(1, 4)), min_size=1, max_size=40)


@given(SPANS, st.integers(0, 64), st.integers(4, 125), st.lists(st.integers(0, 600), max_size=5))
def test_every_span_is_in_one_block_and_no_block_breaks_a_rule(spans, gap, most, hole_registers):
    holes = [(h, h) for h in hole_registers if not any(s.first <= h < s.end for s in spans)]
    layout = pack(spans, gap, most, holes)
    for span in spans:
        assert layout.blocks[layout.block_of(span)].covers(span)
        assert 0 <= layout.position(span) <= layout.registers - span.count
    wanted = {r for s in spans for r in range(s.first, s.end)}
    for block in layout.blocks:
        registers = range(block.first, block.end)
        assert block.count <= most
        assert not any(first <= r <= last for r in registers for first, last in holes)
        unread = [r not in wanted for r in registers]
        assert not unread[0]
        assert not unread[-1]
        run = longest = 0
        for empty in unread:
            run = run + 1 if empty else 0
            longest = max(longest, run)
        assert longest <= gap
