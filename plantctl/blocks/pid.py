"""PID controller with two degrees of freedom, in two halves.

    e = s (sp - pv), s = +1 reverse acting, -1 direct acting
    P = gain s (beta sp - pv)
    D = Tf/(Tf+h) D + gain Td/(Tf+h) s ((gamma sp - pv) - (gamma sp - pv) one scan ago),    Tf = Td/filter
    v = P + I + D + ff;  u = v within out_low..out_high and within rate_down, rate_up of the last u
    I += gain h/Ti e + min(1, h/Tt) (used - v),    used = what the block below really used

`step` computes u and keeps both products of the last line; `back` adds them one call later, when the block below has
answered. So u(k) is that of the reference, and a change of tuning between two scans is harmless.

Scheduled    the gain counts `schedule_share` times, a table over `by`, straight lines between its points, level beyond.
             What P loses by a new share the integral gets: the output goes on from where it stands.

One flag, `rebalance`, makes every transfer bumpless: u(k) = u(k-1) exactly, I = u - P - ff, D = 0; the integral goes
on from there. It is set from MAN to AUTO, at the release from tracking, when the PV changes its probe, when feedforward
comes back, and by whoever writes a tuning parameter.

First scan   u is `manual` within the limits; the mode asked for is `initial_mode`; no kick of P or D.
Bad input    pv bad: the second probe if it is good; else u, I and D hold (quality held) up to `hold`, then the target
             becomes MAN: a person puts the loop back. The first probe is taken back after `switch_back` of good values.
             cas bad: CAS falls to AUTO with the last set-point. feedforward bad: its last contribution stays. by bad:
             the last share stays.
             OOS: the output stands, bad, out of service, so that whoever reads it does not follow it.
Limits       out_low..out_high and rates act on what is computed, out_low..out_high on what is tracked too; a person's
             value was checked when it was given. sp_low..sp_high act on the set-point. The answer upward is the limit
             below, else the loop's own, and that of the set-point. Init-request from below outranks everything but
             OOS: the loop takes `used` as it is, so that the release does not move the output.
Modes        rcas without a remote master is auto, rout is man: these masters are not built.
Reference    Astrom and Wittenmark, Computer-Controlled Systems, 3rd ed. (1997), section 8.5; Astrom and Hagglund,
             Advanced PID Control (2006), chapter 13.
Situation    tests/cases/blocks/pid/
"""

import math

from plantctl.core.block import (
    AUTO,
    CAS,
    CONST,
    GOOD,
    HELD,
    HIGH,
    HUGE,
    IMAN,
    INIT,
    LIMITS,
    LOW,
    MAN,
    MODE_WORDS,
    NONE,
    OOS,
    OUT_OF_SERVICE,
    RCAS,
    TRK,
    Block,
    CasIn,
    CasOut,
    In,
    Literal,
    Param,
    Shown,
    State,
    Tracked,
    Values,
    Watched,
    bad,
    clip,
    clock,
    lasted,
    mirror,
    param,
    port,
    shown,
    state,
    values,
    watched,
)

PROBES = ("held", "first", "second")
POINTS = 8
TINY = 1e-6


class Pid(Block):
    """One row is one loop."""

    pv: In = port("any", "process variable")
    pv2: In = port("pv", "the second probe", optional=True)
    cas: CasIn = port("pv", "set-point from above", optional=True)
    feedforward: In = port("op", "what is added to the output", optional=True)
    track: In = port("op", "value to track while it is good", optional=True)
    by: In = port("any", "what the gain's share hangs on", optional=True)
    op: CasOut = port("any", "output")
    gain: Param[float] = param("op/pv", "proportional gain", above=0.0, tuning=True)
    schedule_at: Values[Literal[8]] = values("by", "where the share of the gain is given, rising")
    schedule_share: Values[Literal[8]] = values("1", "what share of the gain counts there")
    n_schedule: Param[int] = param("", "points of the table, 0 for none", minimum=0, maximum=8, default=0)
    integral: Param[float] = param("s", "integral time Ti, 0 for none", minimum=0.0, default=0.0, tuning=True)
    derivative: Param[float] = param("s", "derivative time Td", minimum=0.0, default=0.0, tuning=True)
    filter: Param[float] = param("1", "Td over its filter's Tf", minimum=2.0, maximum=20.0, default=10.0, tuning=True)
    beta: Param[float] = param("1", "set-point weight of P", minimum=0.0, maximum=1.0, default=1.0, tuning=True)
    gamma: Param[float] = param("1", "set-point weight of D", minimum=0.0, maximum=1.0, default=0.0, tuning=True)
    tracking: Param[float] = param("s", "Tt; 0 for sqrt(Ti Td), or Ti without D", minimum=0.0, default=0.0, tuning=True)
    direct: Param[bool] = param("", "the output rises with the PV", default=False, tuning=True)
    out_low: Param[float] = param("op", "lower limit of the output", tuning=True)
    out_high: Param[float] = param("op", "upper limit of the output", tuning=True)
    rate_up: Param[float] = param("op/s", "fastest rise of the output, 0 for none", minimum=0.0, default=0.0)
    rate_down: Param[float] = param("op/s", "fastest fall of the output, 0 for none", minimum=0.0, default=0.0)
    sp_low: Param[float] = param("pv", "lower limit of the set-point", default=-1e29)
    sp_high: Param[float] = param("pv", "upper limit of the set-point", default=1e29)
    gap: Param[float] = param("delta pv", "half width of the gap around the set-point", minimum=0.0, default=0.0)
    gap_gain: Param[float] = param("1", "share of the gain inside the gap", minimum=0.0, maximum=1.0, default=1.0)
    hold: Param[float] = param("s", "longest time to hold on a bad PV", minimum=0.0, default=10.0)
    switch_back: Param[float] = param("s", "good time before the first probe is taken back", minimum=0.0, default=10.0)
    sp_tracks_pv: Param[bool] = param("", "the set-point follows the PV below AUTO", default=False)
    external_reset: Param[bool] = param("", "answer the PV upward, not the set-point", default=False)
    initial_mode: Param[int] = param("", "mode asked for at the first scan", minimum=0, maximum=7, default=MAN)
    has_pv2: Param[bool] = param("", "a second probe is wired", default=False)
    has_cas: Param[bool] = param("", "a block above is wired", default=False)
    has_feedforward: Param[bool] = param("", "feedforward is wired", default=False)
    has_track: Param[bool] = param("", "a value to track is wired", default=False)
    sp: Tracked[float] = shown("pv", "set-point")
    manual: Tracked[float] = shown("op", "output in MAN")
    target: Tracked[int] = shown("", "mode asked for; -1 before anyone asked", words=MODE_WORDS, default=-1)
    mode: Watched[int] = watched("", "mode", event="mode", words=MODE_WORDS)
    pv_source: Watched[int] = watched("", "probe in use", event="quality", words=PROBES)
    p: Shown[float] = shown("op", "proportional part")
    i: Shown[float] = shown("op", "integral part")
    d: Shown[float] = shown("op", "derivative part")
    ff: Shown[float] = shown("op", "feedforward part")
    v: Shown[float] = shown("op", "output before its limits")
    share: Shown[float] = shown("1", "share of the gain in use", default=1.0)
    limits: Shown[int] = shown("", "limit of the output", words=("none", "low", "high", "constant"))
    started: State[bool]
    rebalance: State[bool]
    ff_ok: State[bool]
    u: State[float]
    di: State[float]
    ktr: State[float]
    y: State[float]
    y_old: State[float]
    r_old: State[float]
    sp_limits: State[int]
    bad_s: State[float] = state("s", "how long no probe has been good", default=-1.0)
    good_s: State[float] = state("s", "how long the first probe has been good", default=1e9)


def back(b: Pid, dt: float) -> None:
    """Leaf to root: finish the integral with what was really used, resolve the mode, answer above."""
    limits = b.op.status & LIMITS
    if limits == CONST or (limits == HIGH and b.di > 0.0) or (limits == LOW and b.di < 0.0):
        b.di = 0.0
    b.i += b.di
    if abs(b.op.used) < HUGE:
        b.i += b.ktr * (b.op.used - b.v)
    b.di = 0.0
    b.ktr = 0.0
    if b.target < OOS:
        b.target = b.initial_mode
    choose_probe(b, dt)
    if lasted(b.bad_s, b.hold) and b.target > MAN:
        b.target = MAN
    mode = resolved(b)
    if b.mode <= MAN and mode > MAN:
        b.rebalance = True
        if b.mode == MAN and b.started and abs(b.manual) < HUGE:
            # A value given since the last step counts: in a slow task the mode may come in the same turn.
            b.u = b.manual
    b.mode = mode
    answer(b, limits)


def answer(b: Pid, limits: int) -> None:
    """Tell the block above what was used of its request, and which way leads no further."""
    sign = -1.0 if b.direct else 1.0
    b.cas.used = b.sp
    b.cas.status = INIT
    if b.mode == CAS:
        # Both ways may be shut at once: the bits of low and high together are constant.
        b.cas.status = mirror(limits if limits != NONE else b.limits, sign) | b.sp_limits
        if b.external_reset and b.pv_source > 0:
            b.cas.used = b.y


def choose_probe(b: Pid, dt: float) -> None:
    """Take the first probe while it is good, else the second; after a change the first must stay good for a time."""
    b.good_s = clock(b.good_s, not bad(b.pv), dt)
    settled = lasted(b.good_s, b.switch_back) or b.pv_source == 1
    second = b.has_pv2 and not bad(b.pv2)
    source = 0
    if not bad(b.pv) and (settled or not second):
        source = 1
        b.y = b.pv.v
    elif second:
        source = 2
        b.y = b.pv2.v
    if source != b.pv_source:
        b.rebalance = True
        b.pv_source = source
    b.bad_s = clock(b.bad_s, source == 0, dt)


def resolved(b: Pid) -> int:
    """The actual mode: what was asked for, less what the plant does not allow now."""
    mode = b.target
    if mode == OOS:
        return OOS
    if b.op.status & INIT:
        return IMAN
    if b.has_track and not bad(b.track):
        return TRK
    if mode == RCAS or (mode == CAS and (not b.has_cas or bad(b.cas))):
        return AUTO
    return mode if AUTO <= mode <= CAS else MAN


def step(b: Pid, dt: float) -> None:
    """Root to leaf: set-point, P, D, output, and the products of the integral for the next `back`."""
    if not b.started:
        b.u = clip(b.manual, b.out_low, b.out_high)
        b.manual = b.u
        b.rebalance = True
    feed_forward(b)
    schedule(b)
    b.sp = set_point(b)
    if b.mode == OOS or (b.pv_source == 0 and b.mode > MAN):
        b.rebalance = True
        b.v = b.u
        b.op.q = OUT_OF_SERVICE if b.mode == OOS else HELD
    else:
        control(b, dt)
        b.op.q = GOOD
    if b.mode != MAN:
        b.manual = b.u
    b.op.v = b.u
    b.y_old = b.y
    b.r_old = b.sp
    b.started = True


def feed_forward(b: Pid) -> None:
    """Take the feedforward while it is good; its return is bumpless."""
    if not b.has_feedforward:
        return
    if bad(b.feedforward):
        b.ff_ok = False
        return
    if not b.ff_ok:
        b.rebalance = True
    b.ff_ok = True
    b.ff = b.feedforward.v


def schedule(b: Pid) -> None:
    """Take the gain's share from the table; what P loses by it the integral gets, and D dies away as it is."""
    if b.n_schedule < 1 or bad(b.by):
        return
    share = b.schedule_share[0]
    for k in range(1, POINTS):
        width = b.schedule_at[k] - b.schedule_at[k - 1]
        if k < b.n_schedule and b.by.v > b.schedule_at[k - 1] and width > 0.0:
            along = min(1.0, (b.by.v - b.schedule_at[k - 1]) / width)
            share = b.schedule_share[k - 1] + along * (b.schedule_share[k] - b.schedule_share[k - 1])
    if share == b.share or not TINY < share < HUGE:
        return
    b.i = finite(b.i + b.p * (1.0 - share / b.share))
    b.share = share


def set_point(b: Pid) -> float:
    """The set-point in force, within its limits."""
    wanted = b.sp
    if b.mode == CAS and not bad(b.cas):
        wanted = b.cas.v
    elif b.sp_tracks_pv and b.mode <= MAN and b.pv_source > 0:
        wanted = b.y
    allowed = clip(wanted, b.sp_low, b.sp_high)
    b.sp_limits = HIGH if allowed < wanted else LOW if allowed > wanted else NONE
    return allowed


def control(b: Pid, dt: float) -> None:
    """One scan of the equations, or of tracking."""
    sign = -1.0 if b.direct else 1.0
    gain = b.gain * b.share
    error = gapped(sign * (b.sp - b.y), b.gap, b.gap_gain)
    if b.gap > 0.0:
        b.p = finite(gain * (error - sign * (1.0 - b.beta) * b.sp))
    else:
        b.p = finite(gain * (sign * (b.beta * b.sp - b.y)))
    if b.mode <= MAN or b.rebalance:
        follow(b)
        if b.mode > MAN:
            integrate(b, error, dt)
        return
    tf = b.derivative / b.filter
    change = (b.gamma * b.sp - b.y) - (b.gamma * b.r_old - b.y_old)
    b.d = finite(tf / (tf + dt) * b.d + gain * b.derivative / (tf + dt) * (sign * change))
    b.v = b.p + b.i + b.d + b.ff
    if not abs(b.v) < HUGE:
        # Only numbers far outside any plant come here; the loop starts again from its last output.
        b.v = b.u
        follow(b)
        return
    u = clip(b.v, b.out_low, b.out_high)
    low = b.u - dt * b.rate_down if b.rate_down > 0.0 else -HUGE
    high = b.u + dt * b.rate_up if b.rate_up > 0.0 else HUGE
    b.u = clip(u, low, high)
    b.limits = HIGH if b.u < b.v else LOW if b.u > b.v else NONE
    integrate(b, error, dt)


def integrate(b: Pid, error: float, dt: float) -> None:
    """Keep the products of the integral; `back` adds them when the block below has answered."""
    if b.integral > 0.0:
        b.di = finite(b.gain * b.share * dt / b.integral * error)
        tt = b.tracking if b.tracking > 0.0 else default_tracking(b.integral, b.derivative)
        b.ktr = min(1.0, dt / tt) if tt > 0.0 else 1.0


def follow(b: Pid) -> None:
    """Take the output from where the mode says, and set the integral so that the equations give just that."""
    want = b.u
    if b.mode == IMAN and abs(b.op.used) < HUGE:
        want = b.op.used
    elif b.mode == TRK and not bad(b.track):
        want = clip(b.track.v, b.out_low, b.out_high)
    elif b.mode == MAN and abs(b.manual) < HUGE:
        want = b.manual
    b.d = 0.0
    b.i = finite(want - b.p - b.ff)
    b.v = want
    b.u = want
    b.limits = NONE
    b.rebalance = False


def gapped(error: float, gap: float, gain: float) -> float:
    """The error with `gain` inside +-`gap`, continuous at its edges."""
    if gap <= 0.0:
        return error
    if abs(error) <= gap:
        return error * gain
    return error - gap * (1.0 - gain) if error > 0.0 else error + gap * (1.0 - gain)


def default_tracking(integral: float, derivative: float) -> float:
    """Tt where none is given, s."""
    return math.sqrt(integral * derivative) if integral * derivative > 0.0 else integral


def finite(x: float) -> float:
    """`x`, or 0 where it is not finite or too large to compute with."""
    return x if abs(x) < HUGE else 0.0
