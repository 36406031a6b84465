"""Manifold that parts the pump's flow between up to four cells: each branch takes what its resistance leaves it.

    branch   P = k / x2 q2 + l q         head in m, q in m3/h; x opening of its valve, l the felt's share
    sum      q1 + q2 + q3 + q4 = Q       one head P for all, found by Newton's way from the last

The shares of one step are those that the flow of the step before led to; together they are always the whole flow. Head
and its slope go to the pump, which meets them on its curve.

First step  shares are equal among the branches that there are.
Bad input   openings outside 0..1 are held at the limit; NaN counts as shut.
Limits      below an opening of 2 % a branch is shut. With all shut the rest of a step's flow is shared equally.
Source      process design basis 1.6 (0.6 m3/h a cell), 2.5; the part of the resistance that is the branch's is assumed.
Situation   tests/cases/units/manifold/
"""

import math

from simulators.stream import COMPONENTS, LIQUID
from simulators.unit import In, Inlet, Out, Outlet, Param, State, Unit, field, stream

SHUT = 0.02
PASSES = 10


class Manifold(Unit):
    """One row is one manifold."""

    inlet: Inlet = stream("the pump's flow")
    outlet_1: Outlet = stream("to the first cell")
    outlet_2: Outlet = stream("to the second cell")
    outlet_3: Outlet = stream("to the third cell")
    outlet_4: Outlet = stream("to the fourth cell")
    opening_1: In = field(1.0, "valve of the first branch, 0..1")
    opening_2: In = field(1.0, "valve of the second branch, 0..1")
    opening_3: In = field(1.0, "valve of the third branch, 0..1")
    opening_4: In = field(1.0, "valve of the fourth branch, 0..1")
    felt_1_m: In = field(0.816, "head lost in the first felt at nominal flow, m")
    felt_2_m: In = field(0.816, "head lost in the second felt at nominal flow, m")
    felt_3_m: In = field(0.816, "head lost in the third felt at nominal flow, m")
    felt_4_m: In = field(0.816, "head lost in the fourth felt at nominal flow, m")
    blocked_1: In = field(0.0, "blocked share of the first branch, 0..1")
    blocked_2: In = field(0.0, "blocked share of the second branch, 0..1")
    blocked_3: In = field(0.0, "blocked share of the third branch, 0..1")
    blocked_4: In = field(0.0, "blocked share of the fourth branch, 0..1")
    branches: Param = field(4.0, "branches that there are, 1 to 4")
    square_m: Param = field(6.0, "resistance of one open branch without its felt, m per (m3/h)2")
    nominal_m3_h: Param = field(0.6, "nominal flow of a branch, m3/h")
    share_1: State = field(0.0, "share of the flow in the first branch")
    share_2: State = field(0.0, "share of the flow in the second branch")
    share_3: State = field(0.0, "share of the flow in the third branch")
    share_4: State = field(0.0, "share of the flow in the fourth branch")
    loss_m: Out = field(0.0, "head lost at that flow, m")
    slope_m: Out = field(1.0, "change of that head with the flow, m per m3/h")
    flow_m3_h: Out = field(0.0, "flow it was found at, m3/h")
    shut: Out = field(0.0, "1: no branch is open")


def release(u: Manifold) -> None:
    """Part the flow; the last branch takes what the others leave."""
    inlet, first, second, third, fourth = u.inlet, u.outlet_1, u.outlet_2, u.outlet_3, u.outlet_4
    a, b, c, d = u.share_1, u.share_2, u.share_3, u.share_4
    total = a + b + c + d
    if not total > 0.0:
        a = 1.0
        b = 1.0 if u.branches > 1.5 else 0.0
        c = 1.0 if u.branches > 2.5 else 0.0
        d = 1.0 if u.branches > 3.5 else 0.0
        total = a + b + c + d
    for k in range(COMPONENTS):
        first[k] = inlet[k] * (a / total)
        second[k] = inlet[k] * (b / total)
        third[k] = inlet[k] * (c / total)
        fourth[k] = inlet[k] * (d / total)


def resistance(opening: float, blocked: float, square_m: float) -> float:
    """Resistance of a branch, m per (m3/h)2; 0 where it is shut."""
    free = 0.0
    if opening >= 0.0:
        free = min(opening, 1.0) * (1.0 - min(max(blocked, 0.0), 1.0))
    return square_m / (free * free) if free >= SHUT else 0.0


def branch_m3_h(head_m: float, square: float, linear: float) -> float:
    """Flow of a branch at a head, m3/h."""
    if square <= 0.0:
        return 0.0
    return 2.0 * head_m / (linear + math.sqrt(linear * linear + 4.0 * square * head_m))


def slope_m3_h_m(flow_m3_h: float, square: float, linear: float) -> float:
    """Change of a branch's flow with the head, m3/h per m."""
    return 1.0 / (2.0 * square * flow_m3_h + linear) if square > 0.0 else 0.0


def advance(u: Manifold, dt: float) -> None:
    """Find the head at which the branches take the flow; `dt` plays no part: liquid does not wait."""
    flow = u.inlet[LIQUID] * 3.6
    n = u.branches
    k_1 = resistance(u.opening_1, u.blocked_1, u.square_m)
    k_2 = resistance(u.opening_2, u.blocked_2, u.square_m) if n > 1.5 else 0.0
    k_3 = resistance(u.opening_3, u.blocked_3, u.square_m) if n > 2.5 else 0.0
    k_4 = resistance(u.opening_4, u.blocked_4, u.square_m) if n > 3.5 else 0.0
    l_1, l_2 = u.felt_1_m / u.nominal_m3_h, u.felt_2_m / u.nominal_m3_h
    l_3, l_4 = u.felt_3_m / u.nominal_m3_h, u.felt_4_m / u.nominal_m3_h
    u.shut = 1.0 if k_1 + k_2 + k_3 + k_4 <= 0.0 else 0.0
    u.flow_m3_h = flow
    if u.shut > 0.5:
        u.share_1, u.share_2, u.share_3, u.share_4 = 0.0, 0.0, 0.0, 0.0
        u.loss_m, u.slope_m = 0.0, 1.0
        return
    head = max(u.loss_m, 0.0)
    q_1 = q_2 = q_3 = q_4 = steep = 0.0
    for _ in range(PASSES):
        q_1, q_2 = branch_m3_h(head, k_1, l_1), branch_m3_h(head, k_2, l_2)
        q_3, q_4 = branch_m3_h(head, k_3, l_3), branch_m3_h(head, k_4, l_4)
        steep = slope_m3_h_m(q_1, k_1, l_1) + slope_m3_h_m(q_2, k_2, l_2)
        steep += slope_m3_h_m(q_3, k_3, l_3) + slope_m3_h_m(q_4, k_4, l_4)
        short = flow - (q_1 + q_2 + q_3 + q_4)
        head += max(short / steep, -0.9 * head)
    u.share_1, u.share_2, u.share_3, u.share_4 = q_1, q_2, q_3, q_4
    u.loss_m, u.slope_m = head, 1.0 / steep
