"""The arbiter of one output: decides who has it, and answers the loop above.

    trip > hold > sequence > manual > auto; between trips the first in the order of rank

A trip's value is written as it is. What a sequence, a person or a loop asks for is kept within `low`..`high` and within
`rate_up`, `rate_down` of the last value. A trip voids what a person had asked for: after its release the output stays.

Scaled       while effects scale the output it may not be above `allowed` = share x base, base being where it stood when
             the first of them came; the smallest share counts, reached in its time. Whoever asks for more gets that,
             and a loop is told HIGH. A share is of what stood, not of what is asked: asking for more does not undo it.
Pulse        what a person has set stands for `pulse`, then the output springs back to 0, as a push button does: for
             commands that a device takes on the edge. What never got to the device by then is not sent late.
Held         until a person releases the outputs nothing is written, and the output is what its device has: the
             read-back, else `fail_safe`, else the last value; without limits and rates. The release starts nothing:
             what a person had asked for is void, and a loop goes on from the value that stands.
First scan   nothing asked yet: bad, not-yet, so that nothing is written; `initial` is taken where it is given, and the
             loop starts from there; while held, what the device has goes before it.
Bad input    an effect whose state is bad counts as tripped, whether it forces or scales; a bad request of the loop: the
             last value stays, quality held; a bad request of the sequence is none; held with a bad read-back:
             `fail_safe` is uncertain, substituted, the last value uncertain, last known. Scaled from a value that is
             not known: from 0.
Limits       the answer to the loop is INIT with the value in force while somebody else has the output, and after that
             until the loop has come to it; else the value used, HIGH or LOW only where the request was changed.
Reference    IEC 61511-1:2016, 11.4 for the precedence of protection; the handshake is the product's own.
Situation    tests/cases/blocks/out/
"""

from plantctl.core.block import (
    GOOD,
    HELD,
    HIGH,
    HUGE,
    INIT,
    LOW,
    NONE,
    NOT_YET,
    SUBSTITUTED,
    Block,
    CasIn,
    In,
    Literal,
    Out,
    Param,
    Ports,
    Shown,
    State,
    Tracked,
    Values,
    Watched,
    bad,
    clip,
    clock,
    lasted,
    param,
    port,
    shown,
    state,
    values,
    watched,
)

NOBODY = 0
BY_LOOP = 1
BY_HAND = 2
BY_SEQUENCE = 3
BY_TRIP = 4
BY_HOLD = 5
FORCES = 8
SCALES = 4


class Output(Block):
    """One row is one output."""

    auto: CasIn = port("y", "request of the loop above", optional=True)
    sequence: In = port("y", "request of a sequence, good while it stands", optional=True)
    force: Ports[In, Literal[8]] = port("1", "effects that force the output, the highest rank first", optional=True)
    scale: Ports[In, Literal[4]] = port("1", "effects that scale the output", optional=True)
    hold: In = port("1", "the output waits for a person's release", optional=True)
    device: In = port("y", "what the device has", optional=True)
    y: Out = port("any", "the output")
    force_value: Values[Literal[8]] = values("y", "what each effect forces")
    n_force: Param[int] = param("", "effects wired", minimum=0, maximum=8, default=0)
    scale_share: Values[Literal[4]] = values("1", "what share each effect leaves")
    scale_time: Values[Literal[4]] = values("s", "in what time each effect gets there, 0 for at once")
    n_scale: Param[int] = param("", "scaling effects wired", minimum=0, maximum=4, default=0)
    low: Param[float] = param("y", "lower limit", default=-1e29)
    high: Param[float] = param("y", "upper limit", default=1e29)
    rate_up: Param[float] = param("y/s", "fastest rise, 0 for none", minimum=0.0, default=0.0)
    rate_down: Param[float] = param("y/s", "fastest fall, 0 for none", minimum=0.0, default=0.0)
    pulse: Param[float] = param(
        "s",
        "how long a person's value stands before the output springs back to 0, 0 for ever",
        minimum=0.0,
        default=0.0,
    )
    initial: Param[float] = param("y", "value at the first scan", default=0.0)
    has_initial: Param[bool] = param("", "there is an initial value", default=False)
    fail_safe: Param[float] = param("y", "what the field leaves in the device when the scan is lost", default=0.0)
    has_fail_safe: Param[bool] = param("", "there is a fail-safe value", default=False)
    has_auto: Param[bool] = param("", "a loop is wired", default=False)
    auto_tracks: Param[bool] = param("", "the block above follows the answer", default=True)
    has_sequence: Param[bool] = param("", "a sequence is wired", default=False)
    manual: Tracked[float] = shown("y", "value set by a person")
    manual_set: Tracked[bool] = shown("", "a person has set the value")
    source: Watched[int] = watched(
        "", "who has the output", words=("none", "auto", "manual", "sequence", "trip", "held"), default=NOBODY
    )
    limits: Shown[int] = shown("", "limit in force", words=("none", "low", "high", "constant"))
    scaled: Watched[bool] = watched("", "effects scale the output")
    allowed: Shown[float] = shown("y", "the most that limit and scaling effects allow", default=1e29)
    pulse_s: State[float] = state("s", "how long a person's value has stood", default=-1.0)
    base: State[float] = state("y", "where the output stood when scaling began")
    owned: State[bool]
    waiting: State[bool]
    started: State[bool]
    followed: State[bool] = state("", "the last value is what the device had", retain=False)


def back(b: Output, dt: float) -> None:
    """Leaf to root: answer the loop with what was used, or with what is enforced on it."""
    source = owner(b)
    settle(b, source)
    b.auto.used = enforced(b, source)
    b.auto.status = INIT if source != BY_LOOP or b.waiting else b.limits


def step(b: Output, dt: float) -> None:
    """Root to leaf: write what the owner asks for."""
    if not b.started:
        b.started = True
        if b.has_initial:
            b.y.v = b.initial
            b.y.q = GOOD
            b.owned = True
            b.waiting = b.auto_tracks
    source = owner(b)
    b.source = source
    b.limits = NONE
    spring(b, source, dt)
    scaling(b, dt)
    b.followed = source == BY_HOLD and not bad(b.device)
    if source == BY_TRIP:
        b.y.v = enforced(b, source)
        b.y.q = GOOD
        b.owned = True
        # What a person asked for before is void: the release of a trip starts nothing.
        b.manual = b.y.v
        b.manual_set = False
    elif source == BY_HOLD:
        stand(b)
    elif source in (BY_SEQUENCE, BY_HAND):
        limit(b, enforced(b, source), dt)
        if source == BY_SEQUENCE:
            # The output stays where the sequence leaves it.
            b.manual = b.y.v
    elif source == BY_LOOP:
        settle(b, source)
        if not bad(b.auto) and not b.waiting:
            limit(b, b.auto.v, dt)
        else:
            rest(b, dt)
            b.y.q = GOOD if not bad(b.auto) else HELD if b.owned else NOT_YET
    else:
        rest(b, dt)
        b.y.q = GOOD if b.owned else NOT_YET


def spring(b: Output, source: int, dt: float) -> None:
    """Let go of the push button: a person's value has stood for its time."""
    b.pulse_s = clock(b.pulse_s, b.pulse > 0.0 and source == BY_HAND and b.manual != 0.0, dt)
    if lasted(b.pulse_s, b.pulse):
        b.manual = 0.0
        b.pulse_s = -1.0


def rest(b: Output, dt: float) -> None:
    """Nobody asks anew: the value stands, except that scaling effects bring it down."""
    if b.owned and b.y.v > b.allowed and b.scaled:
        limit(b, b.y.v, dt)


def scaling(b: Output, dt: float) -> None:
    """What the scaling effects allow: the smallest share of where the output stood, on the way there in its time."""
    share = 1.0
    time_s = 0.0
    for k in range(SCALES):
        if k < b.n_scale and (bad(b.scale[k]) or b.scale[k].v != 0.0) and b.scale_share[k] < share:
            share = b.scale_share[k]
            time_s = b.scale_time[k]
    if share >= 1.0:
        b.scaled = False
        b.allowed = b.high
        return
    if not b.scaled:
        b.scaled = True
        b.base = clip(b.y.v, 0.0, b.high) if b.owned and not bad(b.y) else 0.0
        b.allowed = b.base
    fall = b.base * (1.0 - share) * dt / time_s if time_s > 0.0 else HUGE
    b.allowed = max(b.base * share, b.allowed - fall)


def stand(b: Output) -> None:
    """Take what the device has, so that the first value after the release is the one that stands there."""
    if not bad(b.device):
        b.y.q = GOOD
    elif b.has_fail_safe:
        b.y.q = SUBSTITUTED
    else:
        b.y.q = HELD if b.owned and not bad(b.y) else NOT_YET
    if b.y.q != NOT_YET:
        b.y.v = enforced(b, BY_HOLD)
        b.owned = True
        b.waiting = b.auto_tracks
        b.manual = b.y.v
    b.manual_set = False


def settle(b: Output, source: int) -> None:
    """After somebody else had the output, wait until the loop's request is the value that stands.

    The loop may run in a slower task: its last request can be older than the trip. A request that follows no answer (a
    calculated value) is not waited for: it would never come.
    """
    if source != BY_LOOP:
        b.waiting = b.owned and b.auto_tracks
    elif b.waiting and not bad(b.auto) and b.auto.v == b.y.v:
        b.waiting = False


def owner(b: Output) -> int:
    """Who has the output now."""
    if forcing(b) < FORCES:
        return BY_TRIP
    if not bad(b.hold) and b.hold.v != 0.0:
        return BY_HOLD
    if b.has_sequence and not bad(b.sequence):
        return BY_SEQUENCE
    if b.has_auto:
        return BY_LOOP
    if b.manual_set:
        return BY_HAND
    return NOBODY


def forcing(b: Output) -> int:
    """The first effect in the order of rank that forces the output; `FORCES` where none does."""
    for k in range(FORCES):
        if k < b.n_force and (bad(b.force[k]) or b.force[k].v != 0.0):
            return k
    return FORCES


def enforced(b: Output, source: int) -> float:
    """What the owner demands, before limits; the last value where it demands nothing."""
    if source == BY_TRIP:
        return b.force_value[forcing(b)]
    if source == BY_HOLD:
        if not bad(b.device):
            return b.device.v
        if b.has_fail_safe:
            return b.fail_safe
        # Nothing is known of the device: a loop keeps its own request.
        return b.y.v if b.owned else b.auto.v
    if source == BY_SEQUENCE and not bad(b.sequence):
        return clip(b.sequence.v, b.low, b.high)
    if source == BY_HAND:
        return clip(b.manual, b.low, b.high)
    return b.y.v if b.owned else b.low


def limit(b: Output, request: float, dt: float) -> None:
    """Bring the output to `request` as far as limits and rates allow, and note which one stood in the way."""
    value = clip(request, b.low, min(b.high, b.allowed))
    if b.owned:
        rise = b.y.v + dt * b.rate_up if b.rate_up > 0.0 else HUGE
        fall = b.y.v - dt * b.rate_down if b.rate_down > 0.0 else -HUGE
        value = clip(value, fall, rise)
    b.limits = HIGH if value < request else LOW if value > request else NONE
    b.y.v = value
    b.y.q = GOOD
    b.owned = True
