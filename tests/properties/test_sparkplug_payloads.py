"""Whatever a payload says comes back as it was, and no bytes do more than be refused."""

from hypothesis import given
from hypothesis import strategies as st

from plantctl.sinks._sparkplug_payload import DataType, Metric, Payload, Undecodable, decode, encode

MS = st.none() | st.integers(0, 2**64 - 1)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
WHOLE = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.UINT64: (0, 2**64 - 1),
    DataType.DATE_TIME: (0, 2**64 - 1),
}
VALUES = {
    **{kind: st.integers(*bounds) for kind, bounds in WHOLE.items()},
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: TEXT,
    DataType.TEXT: TEXT,
    DataType.UUID: TEXT,
}
PROPERTIES = st.dictionaries(
    TEXT,
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False) | TEXT,
    max_size=4,
)
ALIAS = st.none() | st.integers(0, 2**64 - 1)


@st.composite
def metrics(draw):
    datatype = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.none() | VALUES[datatype])
    flags = draw(st.tuples(st.booleans(), st.booleans()))
    return Metric(draw(TEXT), draw(ALIAS), draw(MS), datatype, value, *flags, draw(PROPERTIES))


@given(MS, st.none() | st.integers(0, 255), st.lists(metrics(), max_size=5))
def test_a_payload_comes_back_as_it_was(time_ms, seq, told):
    payload = Payload(time_ms, seq, tuple(told))
    assert decode(encode(payload)) == payload


@given(st.lists(metrics(), max_size=5))
def test_data_come_back_but_for_names_that_an_alias_stands_for(told):
    for sent, come in zip(told, decode(encode(Payload(1, 1, tuple(told)), names=False)).metrics, strict=True):
        assert come.name == (sent.name if sent.alias is None else "")
        assert (come.alias, come.value, come.datatype) == (sent.alias, sent.value, sent.datatype)


@given(st.binary(max_size=200) | st.lists(metrics(), max_size=3).map(lambda m: encode(Payload(1, 2, tuple(m)))[:-3]))
def test_hostile_bytes_are_refused_or_read(data):
    try:
        payload = decode(data)
    except Undecodable:
        return
    assert len(payload.metrics) <= len(data)
