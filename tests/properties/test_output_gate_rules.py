"""Whatever scan and field do, and however long either stands: nothing is sent that nobody alive has granted."""

from hypothesis import given
from hypothesis import strategies as st

from plantctl.app.split.output_gate import OutputGate, ScanSeen, Verdict

MS = 1_000_000
PERIOD = 100 * MS
STANDING = 1000 * MS  # for so long a field may stand and keep its grant (decision 0032)

# What may happen between two looks of the field, each with how long it takes in ms.
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "run",
                "run",
                "run",
                "scan stands",
                "field stands",
                "scan anew",
                "scan ends",
                "release",
                "withdraw",
                "take",
            ]
        ),
        st.integers(1, 1400),
    ),
    max_size=60,
)


class Story:
    """A plant told step by step; `granted_by` is known apart from the gate: who granted what to whom."""

    def __init__(self):
        self.now = 10_000 * MS
        self.beat = self.now
        self.scan, self.granted, self.lives = 1, 0, True
        self.gate = OutputGate(PERIOD, 1)
        self.looked = None
        self.released = set()  # (scan generation, field generation) that a person has released
        self.voided = set()  # field generations whose grant was lost once
        self.taken = []
        self.written_by = 0  # the scan whose wishes may stand in devices, as a bystander knows

    def look(self):
        before, generation = self.gate.verdict, self.gate.generation
        self.gate.look(self.now, ScanSeen(self.scan, self.granted, self.beat, self.lives))
        gap = 0 if self.looked is None else self.now - self.looked
        self.looked = self.now
        self.check(before, generation, gap)

    def check(self, before, generation, gap):
        gate = self.gate
        age = self.now - self.beat
        gone = not self.lives or age > 4 * PERIOD
        if gate.verdict is Verdict.OPEN:
            assert (self.scan, gate.generation) in self.released
            assert gate.generation not in self.voided
            assert not gone
            assert gap <= STANDING
        if self.written_by and (gone or self.scan != self.written_by):
            assert gate.verdict is Verdict.SAFE, "the devices hold what a scan wanted that is gone"
            self.written_by = 0
        elif before is not Verdict.SAFE:
            assert gate.verdict is not Verdict.SAFE, "nobody had written"
        assert gate.generation >= generation
        self.voided |= set(range(generation, gate.generation))
        if gate.verdict is Verdict.OPEN:
            self.written_by = self.scan

    def word(self):
        """Under what something is taken or sent: fail-safe values are the field's own, whoever scans."""
        safe = self.gate.verdict is Verdict.SAFE
        return None if safe else self.scan_at_look, self.gate.generation, self.gate.verdict

    def send(self):
        """A driver comes to where it would send what it took, now."""
        for taken, at_look in self.taken:
            if self.gate.permits(taken, self.now):
                assert self.now - self.looked <= 2 * PERIOD, "nobody has looked"
                assert self.gate.verdict is not Verdict.SHUT
                assert at_look == self.word(), "taken from another"
                assert self.now - taken.taken_ns <= 1000 * MS

    def pass_time(self, ms, *, beats=True, looks=True):
        end = self.now + ms * MS
        while self.now < end:
            self.now = min(end, self.now + 20 * MS)
            if beats and self.lives and self.now - self.beat >= PERIOD:
                self.beat = self.now
            if looks:
                self.look()
                self.scan_at_look = self.scan
            self.send()


@given(HAPPENINGS)
def test_only_a_living_scan_that_a_person_released_is_let_through(happenings):
    story = Story()
    story.pass_time(100)
    for what, ms in happenings:
        match what:
            case "scan anew":
                story.scan, story.granted, story.beat, story.lives = story.scan + 1, 0, story.now, True
            case "scan ends":
                story.lives = False
            case "release" if story.lives:
                story.granted = story.gate.generation
                story.released.add((story.scan, story.granted))
            case "withdraw":
                story.granted = 0
            case "take":
                story.taken.append((story.gate.take(story.now), story.word()))
            case "scan stands":
                story.pass_time(ms, beats=False)
            case "field stands":
                # The machine may have stopped both: the scan goes on in one of two stories.
                story.pass_time(ms, looks=False, beats=ms % 2 == 0)
        story.pass_time(40 + ms % 100)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 299)), max_size=40))
def test_stops_shorter_than_three_periods_never_cost_the_grant(stops):
    story = Story()
    story.pass_time(100)
    story.granted = 1
    story.released.add((1, 1))
    story.pass_time(100)
    for of_scan, ms in stops:
        story.pass_time(ms, beats=not of_scan, looks=of_scan)
        story.pass_time(140)
        assert (story.gate.verdict, story.gate.generation) == (Verdict.OPEN, 1)
