"""The controller's equations written down once more, as a text book has them, for tests to compare with.

Astrom and Wittenmark, Computer-Controlled Systems, 3rd ed. (1997), section 8.5: backward Euler for D, forward Euler for
I, back-calculation. The sums are taken in the order of the text, so that equal numbers are equal bits.
"""

import math


class ReferencePid:
    """One loop without modes: `output(r, y)` computes, `written(u_act)` finishes the integral after the write."""

    def __init__(self, kc, ti=math.inf, td=0.0, n=10.0, beta=1.0, gamma=0.0, tt=None, sgn=1.0, h=1.0):
        self.kc, self.ti, self.td, self.tf = kc, ti, td, td / n
        self.beta, self.gamma, self.sgn, self.h = beta, gamma, sgn, h
        self.tt = tt if tt is not None else (math.sqrt(ti * td) if td > 0.0 else ti)
        self.lo, self.hi, self.rate_up, self.rate_dn = -math.inf, math.inf, math.inf, math.inf
        self.i = self.d = self.u = 0.0
        self.r_old = self.y_old = 0.0

    def start(self, u, r, y, ff=0.0):
        """Begin with the output u: no kick, D = 0, I = u - P - ff."""
        self.u, self.v, self.d = u, u, 0.0
        self.error = self.sgn * (r - y)
        self.i = u - self.kc * (self.sgn * (self.beta * r - y)) - ff
        self.r_old, self.y_old = r, y

    def output(self, r, y, ff=0.0):
        h, tf = self.h, self.tf
        p = self.kc * (self.sgn * (self.beta * r - y))
        change = (self.gamma * r - y) - (self.gamma * self.r_old - self.y_old)
        self.d = tf / (tf + h) * self.d + self.kc * self.td / (tf + h) * (self.sgn * change)
        self.v = p + self.i + self.d + ff
        limited = min(max(self.v, self.lo), self.hi)
        self.u = min(max(limited, self.u - h * self.rate_dn), self.u + h * self.rate_up)
        self.error = self.sgn * (r - y)
        self.r_old, self.y_old = r, y
        return self.u

    def written(self, u_act):
        if math.isfinite(self.ti):
            self.i = self.i + self.kc * self.h / self.ti * self.error
            self.i = self.i + min(1.0, self.h / self.tt) * (u_act - self.v)
