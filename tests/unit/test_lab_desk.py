"""At the laboratory's desk: who may do what with a sample's value, what the plant makes of it, and what is kept."""

import asyncio
import json
import math

import msgspec
import pytest
from starlette.requests import Request

from plantctl.app.lab import answer_lab
from plantctl.core import command as codes
from plantctl.core.clock import RealClock
from plantctl.core.quality import BAD, Reason, reason_of
from plantctl.history.reading.late_log import LateLog
from plantctl.hmi import lab_desk
from plantctl.hmi.lab_desk import GONE, KNOWN, SAME_PERSON, SIGNED, TOO_OLD, LabDesk, LabRefused
from plantctl.hmi.lab_messages import LabBookTold, LabCorrect, LabEnter, LabEntryTold, LabSign, LabWithdraw
from plantctl.hmi.lab_route import LabRoute, lab_problem
from plantctl.hmi.sessions import Session
from tests.lab_bench import HOUR_NS, UTC_NS, LabPlant

ANN, BOB = "ann (operator)", "bob (uid 1000)"


@pytest.fixture
def plant():
    return LabPlant()


def enter(value=0.55, hours=1.0, tag="AY-1", **more):
    asked = {"sampled": str(UTC_NS - round(hours * HOUR_NS)), "sample": "S-1", "idem": f"{tag} {hours}", **more}
    return LabEnter(tag=tag, value=value, **asked)


def refused(plant, asked, actor=ANN, **more):
    """The code of the refusal; nothing of it is in the book."""
    before = plant.entries()
    with pytest.raises(LabRefused) as error:
        plant.do(asked, actor, **more)
    assert str(error.value)
    assert plant.entries() == before
    return error.value.code


def test_a_value_counts_in_the_plant_when_another_person_has_signed_it(plant):
    made = plant.do(enter(comment="a first one", lot="L-7"))
    assert (made.state, made.value, made.unit, made.sample, made.lot) == ("unsigned", 0.55, "mol/L", "S-1", "L-7")
    assert reason_of(made.quality) is Reason.UNSIGNED
    assert plant["AY-1"] == 0.6
    assert refused(plant, LabSign(entry=made.entry)) == SAME_PERSON
    assert refused(plant, LabSign(entry=made.entry), "ann (uid 1001)") == SAME_PERSON
    signed = plant.do(LabSign(entry=made.entry, comment="seen"), BOB)
    assert (signed.state, signed.quality) == ("signed", 0)
    assert [(s.do, s.actor, s.why) for s in signed.steps] == [
        ("entered", ANN, "a first one"),
        ("signed", BOB, "seen"),
    ]
    assert plant["AY-1"] == 0.55
    assert [(e.target, e.actor) for e in plant.said] == [("AY-1", ANN), ("AY-1", BOB)]
    assert "S-1" in plant.said[0].reason
    assert refused(plant, LabSign(entry=made.entry), ANN) == SIGNED
    assert plant.do(LabSign(entry=made.entry[:5]), BOB) == signed
    assert refused(plant, LabSign(entry=made.entry[:3]), BOB) == codes.UNKNOWN_TARGET, "too short to be sure"
    asked = plant.history().raw("AY-1", UTC_NS - 2 * HOUR_NS, UTC_NS)
    assert (list(asked.value), list(asked.utc_ns)) == ([0.55], [UTC_NS - HOUR_NS])


def test_one_signature_is_enough_where_the_plant_asks_for_no_second(plant):
    assert plant.do(enter(41.0, tag="AY-2")).state == "signed"
    assert plant["AY-2"] == 41.0


def test_a_clock_at_the_sample_may_be_half_a_minute_ahead(plant):
    assert plant.do(enter(41.0, hours=-0.5 / 60, tag="AY-2")).state == "signed"


def test_an_older_sample_is_kept_and_changes_nothing_in_the_plant(plant):
    plant.do(enter(41.0, 1, tag="AY-2"))
    plant.do(enter(39.0, 3, tag="AY-2"))
    assert plant["AY-2"] == 41.0
    assert [e.value for e in plant.entries("AY-2")] == [41.0, 39.0]


def test_a_correction_overwrites_nothing_and_is_signed_anew(plant):
    made = plant.do(enter())
    plant.do(LabSign(entry=made.entry), BOB)
    assert refused(plant, LabCorrect(entry=made.entry, value=0.58, reason=" ")) == codes.NO_REASON
    fixed = plant.do(LabCorrect(entry=made.entry, value=580, unit="mmol/L", reason="dilution"), BOB)
    assert (fixed.state, fixed.value) == ("unsigned", 0.58)
    assert [(s.do, s.value, s.given) for s in fixed.steps] == [
        ("entered", 0.55, "0.55 mol/L"),
        ("signed", 0.55, ""),
        ("corrected", 0.58, "580 mmol/L"),
    ]
    assert fixed.steps[-1].why == "dilution"
    assert plant["AY-1"] == 0.58
    assert refused(plant, LabSign(entry=made.entry), BOB) == SAME_PERSON
    assert plant.do(LabSign(entry=made.entry), ANN).state == "signed"


def test_a_withdrawn_sample_counts_no_more_and_the_one_before_stands_again(plant):
    first, second = plant.do(enter(41.0, 3, tag="AY-2")), plant.do(enter(44.0, 1, tag="AY-2"))
    gone = plant.do(LabWithdraw(entry=second.entry, reason="another tank"))
    assert (gone.state, gone.value, gone.steps[-1].why) == ("withdrawn", None, "another tank")
    assert plant["AY-2"] == 41.0
    assert plant.do(LabWithdraw(entry=second.entry, reason="another tank")) == gone
    assert refused(plant, LabCorrect(entry=second.entry, value=1, reason="x")) == GONE
    assert refused(plant, LabSign(entry=second.entry)) == GONE
    plant.do(LabWithdraw(entry=first.entry, reason="another tank too"))
    assert plant.severity("AY-2") == BAD
    anew = plant.do(enter(43.0, 1, tag="AY-2", idem="anew"))
    assert (anew.state, plant["AY-2"], plant.severity("AY-2")) == ("signed", 43.0, 0)


def test_who_withdraws_and_is_cut_off_between_the_two_records_withdraws_once_more(plant):
    plant.do(enter(41.0, 3, tag="AY-2"))
    second = plant.do(enter(44.0, 1, tag="AY-2"))
    give, plant.submit = plant.submit, lambda command, tell, heard_ns=0: give(command, tell) and len(plant.said) < 3
    with pytest.raises(LabRefused):
        plant.do(LabWithdraw(entry=second.entry, reason="another tank"))
    plant.submit = give
    assert plant.do(LabWithdraw(entry=second.entry, reason="another tank")).state == "withdrawn"
    assert plant["AY-2"] == 41.0


def test_a_value_out_of_specification_is_taken_and_marked(plant):
    assert (plant.do(enter(0.75)).specification, plant.do(enter(0.4, 2)).specification) == ("above", "below")


WRONG = {
    "no laboratory tag": (enter(tag="FI-1"), codes.UNKNOWN_TARGET),
    "no tag": (enter(tag="XX-1"), codes.UNKNOWN_TARGET),
    "a value that nothing could have": (enter(2.01), codes.OUT_OF_RANGE),
    "no number": (enter(math.nan), codes.BAD_VALUE),
    "a unit of something else": (enter(unit="kg"), codes.BAD_VALUE),
    "no unit at all": (enter(unit="molls"), codes.BAD_VALUE),
    "tomorrow": (enter(hours=-24), codes.BAD_VALUE),
    "in two minutes": (enter(hours=-2 / 60), codes.BAD_VALUE),
    "last week": (enter(hours=24 * 7), TOO_OLD),
    "a time without zone": (enter(sampled="2026-09-21T13:00:00"), codes.BAD_VALUE),
    "no time": (enter(sampled="at noon"), codes.BAD_VALUE),
    "neither sample nor lot": (enter(sample=" "), codes.BAD_VALUE),
    "no key": (enter(idem=""), codes.BAD_VALUE),
    "two lines": (enter(comment="a\nb"), codes.BAD_VALUE),
    "more text than a record holds": (enter(comment="\u20ac" * 200), codes.BAD_VALUE),
    "no such entry": (LabSign(entry="zzzz"), codes.UNKNOWN_TARGET),
    "an entry by one letter": (LabSign(entry="z"), codes.UNKNOWN_TARGET),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_is_refused_by_its_own_word(plant, wrong):
    asked, code = WRONG[wrong]
    assert refused(plant, asked) == code
    assert not plant.said


def test_a_value_is_entered_in_any_unit_of_its_kind_and_a_time_in_any_zone(plant):
    made = plant.do(enter(550, unit="mmol/L", sampled="2026-09-21T15:13:20+02:00"))
    assert (made.value, made.sampled, made.steps[0].given) == (0.55, str(1_789_996_400 * 10**9), "550 mmol/L")


def test_the_same_key_enters_once_and_no_two_samples_are_of_one_time(plant):
    made = plant.do(enter())
    assert plant.do(enter()) == made
    assert len(plant.said) == 1
    assert refused(plant, enter(0.6)) == KNOWN
    assert refused(plant, enter(idem="another")) == KNOWN
    assert refused(plant, enter(), BOB) == KNOWN
    plant.do(LabCorrect(entry=made.entry, value=0.58, reason="dilution", idem="k"))
    plant.do(LabCorrect(entry=made.entry, value=0.58, reason="dilution", idem="k"))
    assert [s.do for s in plant.entries()[0].steps] == ["entered", "corrected"]


def test_what_was_on_its_way_for_too_long_is_not_done(plant):
    plant.give([])
    assert refused(plant, enter(valid_ms=1), given_ns=0) == codes.EXPIRED
    assert not plant.said


def test_a_plant_that_does_not_answer_leaves_the_word_that_nobody_knows(plant, monkeypatch):
    monkeypatch.setattr(lab_desk, "GRACE_NS", 0)
    plant.deaf = True
    assert refused(plant, enter(valid_ms=1)) == codes.NO_ANSWER


def test_where_the_plant_does_not_wait_for_the_disk_the_desk_does(plant):
    plant.durable_answers = False
    keep, plant.keep = plant.keep, lambda: None

    async def situation():
        work = asyncio.create_task(plant.desk.act(enter(), ANN))
        while not plant.said:
            await RealClock().sleep(0)
        done, _ = await asyncio.wait([work], timeout=0.1)
        assert not done
        plant.keep = keep
        for _ in range(2):
            plant.give([])
        return await work

    assert asyncio.run(situation()).state == "unsigned"


def test_the_book_is_the_record_whoever_opens_it(plant):
    made = plant.do(enter())
    plant.do(LabSign(entry=made.entry), BOB)
    plant.do(enter(0.5, 2))
    before = plant.entries()
    other = LabDesk(plant, lambda: LateLog(plant.log_storage, plant.sealed))
    assert asyncio.run(other.entries()) == before
    assert [e.state for e in before] == ["signed", "unsigned"]
    assert [e.state for e in plant.entries(unsigned=True)] == ["unsigned"]
    assert plant.entries("AY-2") == []


def test_the_last_samples_of_each_tag_are_told_and_whatever_waits_for_its_signature(plant):
    for hours in (1, 2, 3):
        plant.do(enter(41.0, hours, tag="AY-2"))
    for hours in (1, 2, 5):
        made = plant.do(enter(0.55, hours))
        if hours != 5:
            plant.do(LabSign(entry=made.entry), BOB)

    def told(**more):
        return [(e.tag, (UTC_NS - int(e.sampled)) // HOUR_NS) for e in plant.entries(**more)]

    assert sorted(told(last=1)) == [("AY-1", 1), ("AY-1", 5), ("AY-2", 1)]
    assert told(tag="AY-1", last=1) == [("AY-1", 1), ("AY-1", 5)]
    assert len(told(last=9)) == len(told()) == 6
    assert told(unsigned=True, last=1) == [("AY-1", 5)]


def test_a_refusal_says_which_field_is_meant(plant):
    meant = {
        "value": enter(2.01),
        "unit": enter(unit="kg"),
        "sampled": enter(hours=-24),
        "sample": enter(sample=""),
        "tag": enter(tag="FI-1"),
        "reason": LabWithdraw(entry=plant.do(enter(0.5, 9)).entry, reason=" "),
    }
    for field, asked in meant.items():
        with pytest.raises(LabRefused) as error:
            plant.do(asked)
        assert (error.value.field, lab_problem(error.value).field) == (field, field)


# -------------------------------------------------------------------------------------------------- by which way


def test_at_the_control_socket_it_is_asked_in_the_same_words(plant):
    def ask(**asked):
        return asyncio.run(answer_lab(lambda: plant.desk, asked, BOB))

    told = ask(do="enter", tag="AY-2", value=41, sampled=str(UTC_NS - HOUR_NS), lot="L", idem="a")["entry"]
    assert ask(do="list", tag="AY-2")["entries"] == [told]
    assert ask(do="list", open=True)["entries"] == []
    assert ask(do="sign", entry=told["entry"])["code"] == SIGNED
    assert ask(do="list", tag="FI-1")["code"] == codes.UNKNOWN_TARGET
    for asked in ({"do": "burn"}, {"do": "sign"}, {"do": "sign", "entry": 5}, {"do": "sign", "entry": "a", "more": 1}):
        assert ask(**asked)["code"] == "bad-message"


def over_http(plant, method="GET", body=b"", role="operator", query="", kind="application/json", given_ns=None):
    """Status and answer of one request of a session."""
    route = LabRoute(lambda: plant.desk, lambda: plant.monotonic_ns() if given_ns is None else given_ns)
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)

    async def receive():
        return {"type": "http.request", "body": data, "more_body": False}

    scope = {
        "type": "http",
        "method": method,
        "query_string": query.encode(),
        "headers": [(b"content-type", kind.encode())],
    }
    session = Session.__new__(Session)
    object.__setattr__(session, "user", "ann")
    object.__setattr__(session, "role", role)
    try:
        answer = asyncio.run(route.answer(Request(scope, receive), session))
    except LabRefused as error:
        problem = lab_problem(error)
        return problem.status, problem.code
    return answer.status_code, json.loads(answer.body)


def test_over_http_an_operator_enters_and_a_viewer_looks(plant):
    status, made = over_http(plant, "POST", enter())
    assert status == 200
    assert msgspec.convert(made, LabEntryTold).steps[0].actor == ANN
    for query, count in (("", 1), ("open=true", 1), ("tag=AY-2", 0), ("last=1", 1)):
        status, told = over_http(plant, query=query, role="viewer")
        assert (status, len(msgspec.convert(told, LabBookTold).entries)) == (200, count)
    assert over_http(plant, "POST", enter(0.5, 2), role="viewer") == (403, codes.NO_PERMISSION)
    assert len(plant.entries()) == 1


def test_over_http_a_refusal_has_its_status_and_its_word(plant):
    made = plant.do(enter())
    plant.give([])
    for body, said in (
        (b"{", (400, "bad-message")),
        (b'{"do": "burn"}', (400, "bad-message")),
        (b"[" * 5000, (400, "bad-message")),
        (enter(9.0, 2), (400, codes.OUT_OF_RANGE)),
        (enter(hours=100), (400, TOO_OLD)),
        (enter(tag="FI-1"), (404, codes.UNKNOWN_TARGET)),
        (LabSign(entry=made.entry), (403, SAME_PERSON)),
        (enter(0.6, 1, idem="b"), (409, KNOWN)),
    ):
        assert over_http(plant, "POST", body) == said
    assert over_http(plant, "POST", enter(0.5, 2), kind="text/plain") == (415, "no-json")
    assert over_http(plant, "POST", enter(0.5, 2, valid_ms=1), given_ns=0) == (409, codes.EXPIRED)
    for query in ("open=maybe", "last=-1", "last=many", "last=\u0661"):
        assert over_http(plant, query=query) == (400, codes.BAD_VALUE)
    plant.submit = lambda command, tell, heard_ns=0: False
    assert over_http(plant, "POST", enter(0.5, 2)) == (503, codes.TOO_MANY)
