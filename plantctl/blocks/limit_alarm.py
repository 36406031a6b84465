"""Alarm on one limit of one value, with delays, dead-band and acknowledgement.

    condition on   pv beyond the limit (pv >= limit, or <= limit for a low one) for `on_delay`
    condition off  pv back by more than `dead_band` for `off_delay`

    normal -> unack -> acked -> normal, and unack -> rtn -> normal where it returned before it was acknowledged
    latched: the return goes to latched (unacknowledged) or latched-acked; from there a reset leads on

Suppressed   by design: while `arm` is not true, and until it has been for `arm_for`, there is no alarm to come, since
             the plant is in a state where the value means nothing. What stood returns at once; what nobody has
             acknowledged stays to be acknowledged, what is latched stays latched.
First scan   normal; a value beyond the limit alarms after its delay; with `arm` suppressed.
Bad input    the condition and both clocks stand still; `bad_input` tells. While `arm` cannot be known it stays armed or
             suppressed, as it was.
Limits       none of its own. A reset counts only after the return.
Reference    ANSI/ISA-18.2-2016, 5.6 (states; the latched ones as in the edition of 2009), suppression by design and
             annex on dead-band and delay; IEC 62682:2022.
Situation    tests/cases/blocks/limit_alarm/
"""

from plantctl.core.block import (
    Block,
    In,
    Param,
    Shown,
    State,
    Tracked,
    Watched,
    bad,
    clock,
    lasted,
    param,
    port,
    shown,
    watched,
)
from plantctl.core.block import (
    state as kept,
)

NORMAL = 0
UNACK = 1
ACKED = 2
RTN = 3
LATCHED = 4
LATCHED_ACKED = 5
# Rows are states, columns events: condition on, off, off where the alarm latches, acknowledged, reset.
TABLE = (
    (UNACK, NORMAL, NORMAL, NORMAL, NORMAL),
    (UNACK, RTN, LATCHED, ACKED, UNACK),
    (ACKED, NORMAL, LATCHED_ACKED, ACKED, ACKED),
    (UNACK, RTN, RTN, NORMAL, RTN),
    (UNACK, RTN, LATCHED, LATCHED_ACKED, RTN),
    (UNACK, NORMAL, LATCHED_ACKED, LATCHED_ACKED, NORMAL),
)
ON = 0
OFF = 1
OFF_LATCHED = 2
ACK = 3
RESET = 4


class LimitAlarm(Block):
    """One row is one alarm."""

    pv: In = port("any", "what is watched")
    arm: In = port("1", "the alarm counts only while this is true", optional=True)
    state: Watched[int] = watched(
        "", "state", event="alarm", words=("normal", "unack", "acked", "rtn", "latched", "latched-acked")
    )
    limit: Param[float] = param("pv", "the limit")
    high: Param[bool] = param("", "a high limit, else a low one", default=True)
    on_delay: Param[float] = param("s", "time beyond the limit before it alarms", minimum=0.0, default=0.0)
    off_delay: Param[float] = param("s", "time back before it returns", minimum=0.0, default=0.0)
    dead_band: Param[float] = param("delta pv", "how far back it must come", minimum=0.0, default=0.0)
    priority: Param[int] = param("", "1 critical to 4 journal", minimum=1, maximum=4, default=3)
    has_arm: Param[bool] = param("", "the alarm is armed by a condition", default=False)
    arm_for: Param[float] = param("s", "how long the condition is true before it counts", minimum=0.0, default=0.0)
    latched: Param[bool] = param("", "what has returned stays until a person resets it", default=False)
    ack: Tracked[bool] = shown("", "a person acknowledges")
    reset: Tracked[bool] = shown("", "a person asks for the end of a latched alarm")
    active: Shown[bool] = shown("", "the condition is on")
    suppressed: Shown[bool] = shown("", "not armed: no alarm comes")
    bad_input: Watched[bool] = watched("", "the value cannot be known", event="quality")
    on_s: State[float] = kept("s", "how long the value has been beyond the limit", default=-1.0)
    off_s: State[float] = kept("s", "how long the value has been back", default=-1.0)
    arm_s: State[float] = kept("s", "how long the arming condition has been true", default=-1.0)


def step(b: LimitAlarm, dt: float) -> None:
    """Forward: the condition, then the state."""
    b.bad_input = bad(b.pv)
    if b.has_arm and not bad(b.arm):
        b.arm_s = clock(b.arm_s, b.arm.v != 0.0, dt)
    b.suppressed = b.has_arm and not lasted(b.arm_s, b.arm_for)
    if b.suppressed:
        b.active = False
        b.on_s = -1.0
        b.off_s = -1.0
    elif not bad(b.pv):
        excess = b.pv.v - b.limit if b.high else b.limit - b.pv.v
        b.on_s = clock(b.on_s, excess >= 0.0, dt)
        b.off_s = clock(b.off_s, excess < -b.dead_band, dt)
        if lasted(b.on_s, b.on_delay):
            b.active = True
        elif lasted(b.off_s, b.off_delay):
            b.active = False
    # What a person acknowledges is what was shown: an occurrence that comes in this very scan is a new one.
    if b.ack:
        b.state = TABLE[b.state][ACK]
        b.ack = False
    if b.reset:
        b.state = TABLE[b.state][RESET]
        b.reset = False
    b.state = TABLE[b.state][ON if b.active else OFF_LATCHED if b.latched else OFF]
