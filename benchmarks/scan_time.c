/* The logic of plantctl/blocks/pid.py and limit_alarm.py, written by hand in C as a control engineer would: the peer
 * that benchmarks/scan_time.py measures the compiled blocks against. rows.h is generated from the declarations, so
 * that both work on the same memory; the outputs of both are compared bit for bit before anything is timed. */
#include <math.h>
#include <stdint.h>
#include "rows.h"

enum { OOS, IMAN, TRK, MAN, AUTO, CAS, RCAS };
enum { NONE, LOW, HIGH, CONST };
#define INIT 4
#define HUGE_V 1e30

static int bad(double v, int64_t q) { return (q & 3) >= 2 || !(fabs(v) < HUGE_V); }
static double clip(double x, double lo, double hi) { if (x > hi) x = hi; if (x < lo) x = lo; return x; }
static double clock_s(double t, int runs, double dt) { return !runs ? -1.0 : t < 0.0 ? 0.0 : t + dt < 1e9 ? t + dt : 1e9; }
static int lasted(double t, double wanted) { return t >= 0.0 && t >= wanted - 1e-9; }
static double finite_or_zero(double x) { return fabs(x) < HUGE_V ? x : 0.0; }

static void choose_probe(struct pid *b, double dt) {
    b->good_s = clock_s(b->good_s, !bad(b->pv.v, b->pv.q), dt);
    int settled = lasted(b->good_s, b->switch_back) || b->pv_source == 1;
    int second = b->has_pv2 && !bad(b->pv2.v, b->pv2.q);
    int64_t source = 0;
    if (!bad(b->pv.v, b->pv.q) && (settled || !second)) { source = 1; b->y = b->pv.v; }
    else if (second) { source = 2; b->y = b->pv2.v; }
    if (source != b->pv_source) { b->rebalance = 1; b->pv_source = source; }
    b->bad_s = clock_s(b->bad_s, source == 0, dt);
}

static int64_t resolved(struct pid *b) {
    if (b->target == OOS) return OOS;
    if (b->op.status & INIT) return IMAN;
    if (b->has_track && !bad(b->track.v, b->track.q)) return TRK;
    if (b->target == RCAS || (b->target == CAS && (!b->has_cas || bad(b->cas.v, b->cas.q)))) return AUTO;
    return b->target == AUTO || b->target == CAS ? b->target : MAN;
}

static int64_t mirror(int64_t limits, double sign) {
    if (sign < 0.0) { if (limits == LOW) return HIGH; if (limits == HIGH) return LOW; }
    return limits;
}

static void pid_back(struct pid *b, double dt) {
    int64_t limits = b->op.status & 3;
    if (limits == CONST || (limits == HIGH && b->di > 0.0) || (limits == LOW && b->di < 0.0)) b->di = 0.0;
    b->i += b->di;
    if (fabs(b->op.used) < HUGE_V) b->i += b->ktr * (b->op.used - b->v);
    b->di = b->ktr = 0.0;
    if (b->target < OOS) b->target = b->initial_mode;
    choose_probe(b, dt);
    if (lasted(b->bad_s, b->hold) && b->target > MAN) b->target = MAN;
    int64_t mode = resolved(b);
    if (b->mode <= MAN && mode > MAN) {
        b->rebalance = 1;
        if (b->mode == MAN && b->started && fabs(b->manual) < HUGE_V) b->u = b->manual;
    }
    b->mode = mode;
    b->cas.used = b->sp;
    b->cas.status = INIT;
    if (mode == CAS) {
        b->cas.status = mirror(limits != NONE ? limits : b->limits, b->direct ? -1.0 : 1.0) | b->sp_limits;
        if (b->external_reset && b->pv_source > 0) b->cas.used = b->y;
    }
}

static void follow(struct pid *b) {
    double want = b->u;
    if (b->mode == IMAN && fabs(b->op.used) < HUGE_V) want = b->op.used;
    else if (b->mode == TRK && !bad(b->track.v, b->track.q)) want = clip(b->track.v, b->out_low, b->out_high);
    else if (b->mode == MAN && fabs(b->manual) < HUGE_V) want = b->manual;
    b->d = 0.0;
    b->i = finite_or_zero(want - b->p - b->ff);
    b->v = b->u = want;
    b->limits = NONE;
    b->rebalance = 0;
}

static double gapped(double e, double gap, double gain) {
    if (gap <= 0.0) return e;
    if (fabs(e) <= gap) return e * gain;
    return e > 0.0 ? e - gap * (1.0 - gain) : e + gap * (1.0 - gain);
}

static void integrate(struct pid *b, double error, double dt) {
    if (b->integral > 0.0) {
        b->di = finite_or_zero(b->gain * b->share * dt / b->integral * error);
        double tt = b->tracking;
        if (!(tt > 0.0)) {
            double product = b->integral * b->derivative;
            tt = product > 0.0 ? sqrt(product) : b->integral;
        }
        b->ktr = tt > 0.0 ? (dt / tt < 1.0 ? dt / tt : 1.0) : 1.0;
    }
}

static void control(struct pid *b, double dt) {
    double sign = b->direct ? -1.0 : 1.0;
    double gain = b->gain * b->share;
    double error = gapped(sign * (b->sp - b->y), b->gap, b->gap_gain);
    if (b->gap > 0.0) b->p = finite_or_zero(gain * (error - sign * (1.0 - b->beta) * b->sp));
    else b->p = finite_or_zero(gain * (sign * (b->beta * b->sp - b->y)));
    if (b->mode <= MAN || b->rebalance) {
        follow(b);
        if (b->mode > MAN) integrate(b, error, dt);
        return;
    }
    double tf = b->derivative / b->filter;
    {
        double change = (b->gamma * b->sp - b->y) - (b->gamma * b->r_old - b->y_old);
        b->d = finite_or_zero(tf / (tf + dt) * b->d + gain * b->derivative / (tf + dt) * (sign * change));
    }
    b->v = b->p + b->i + b->d + b->ff;
    if (!(fabs(b->v) < HUGE_V)) { b->v = b->u; follow(b); return; }
    double u = clip(b->v, b->out_low, b->out_high);
    double low = b->rate_down > 0.0 ? b->u - dt * b->rate_down : -HUGE_V;
    double high = b->rate_up > 0.0 ? b->u + dt * b->rate_up : HUGE_V;
    b->u = clip(u, low, high);
    b->limits = b->u < b->v ? HIGH : b->u > b->v ? LOW : NONE;
    integrate(b, error, dt);
}

static void schedule(struct pid *b) {
    if (b->n_schedule < 1 || bad(b->by.v, b->by.q)) return;
    double share = b->schedule_share[0];
    for (int k = 1; k < 8; k++) {
        double width = b->schedule_at[k] - b->schedule_at[k - 1];
        if (k < b->n_schedule && b->by.v > b->schedule_at[k - 1] && width > 0.0) {
            double along = fmin(1.0, (b->by.v - b->schedule_at[k - 1]) / width);
            share = b->schedule_share[k - 1] + along * (b->schedule_share[k] - b->schedule_share[k - 1]);
        }
    }
    if (share == b->share || !(share > 1e-6 && share < HUGE_V)) return;
    b->i = finite_or_zero(b->i + b->p * (1.0 - share / b->share));
    b->share = share;
}

static void pid_step(struct pid *b, double dt) {
    if (!b->started) { b->u = b->manual = clip(b->manual, b->out_low, b->out_high); b->rebalance = 1; }
    if (b->has_feedforward) {
        if (bad(b->feedforward.v, b->feedforward.q)) b->ff_ok = 0;
        else { if (!b->ff_ok) b->rebalance = 1; b->ff_ok = 1; b->ff = b->feedforward.v; }
    }
    schedule(b);
    double wanted = b->sp;
    if (b->mode == CAS && !bad(b->cas.v, b->cas.q)) wanted = b->cas.v;
    else if (b->sp_tracks_pv && b->mode <= MAN && b->pv_source > 0) wanted = b->y;
    b->sp = clip(wanted, b->sp_low, b->sp_high);
    b->sp_limits = b->sp < wanted ? HIGH : b->sp > wanted ? LOW : NONE;
    if (b->mode == OOS || (b->pv_source == 0 && b->mode > MAN)) {
        b->rebalance = 1;
        b->v = b->u;
        b->op.q = b->mode == OOS ? (2 | (7 << 9)) : (1 | (9 << 9));
    } else { control(b, dt); b->op.q = 0; }
    if (b->mode != MAN) b->manual = b->u;
    b->op.v = b->u;
    b->y_old = b->y;
    b->r_old = b->sp;
    b->started = 1;
}

static const int64_t TABLE[6][5] = {{1, 0, 0, 0, 0}, {1, 3, 4, 2, 1}, {2, 0, 5, 2, 2},
                                    {1, 3, 3, 0, 3}, {1, 3, 4, 5, 3}, {1, 0, 5, 5, 0}};

static void alarm_step(struct limit_alarm *b, double dt) {
    b->bad_input = bad(b->pv.v, b->pv.q);
    if (b->has_arm && !bad(b->arm.v, b->arm.q)) b->arm_s = clock_s(b->arm_s, b->arm.v != 0.0, dt);
    b->suppressed = b->has_arm && !lasted(b->arm_s, b->arm_for);
    if (b->suppressed) { b->active = 0; b->on_s = b->off_s = -1.0; }
    else if (!b->bad_input) {
        double excess = b->high ? b->pv.v - b->limit : b->limit - b->pv.v;
        b->on_s = clock_s(b->on_s, excess >= 0.0, dt);
        b->off_s = clock_s(b->off_s, excess < -b->dead_band, dt);
        if (lasted(b->on_s, b->on_delay)) b->active = 1;
        else if (lasted(b->off_s, b->off_delay)) b->active = 0;
    }
    if (b->ack) { b->state = TABLE[b->state][3]; b->ack = 0; }
    if (b->reset) { b->state = TABLE[b->state][4]; b->reset = 0; }
    b->state = TABLE[b->state][b->active ? 0 : b->latched ? 2 : 1];
}

static void put(double *v, uint16_t *q, int64_t j, double value, int64_t quality) {
    if (isfinite(value)) { v[j] = value; q[j] = (uint16_t)quality; }
    else if ((quality & 3) >= 2) q[j] = (uint16_t)quality;
    else q[j] = (uint16_t)((q[j] & 0xC000) | 2 | (5 << 9));
}

static void note(int64_t (*ring)[5], int64_t kind, int64_t row, int64_t field, int64_t old, int64_t now) {
    if (old == now) return;
    int64_t e = ++ring[0][0];
    ring[e][0] = kind; ring[e][1] = row; ring[e][2] = field; ring[e][3] = old; ring[e][4] = now;
}

#define TAKE(port, column) do { int64_t j = ins[i][column]; b->port.v = v[j]; b->port.q = q[j]; } while (0)

/* One scan: pids back, pids step, alarms. `ins` and `outs` are the plan's own tables; a port more in a block is told here. */
_Static_assert(PID_INS == 6 && PID_OUTS == 13, "pid.py has other ports than this file");
_Static_assert(ALARM_INS == 2 && ALARM_OUTS == 6, "limit_alarm.py has other ports than this file");
void scan(struct pid *pids, int64_t (*ins)[PID_INS], int64_t (*outs)[PID_OUTS], int64_t n,
          struct limit_alarm *alarms, int64_t (*alarm_ins)[ALARM_INS], int64_t (*alarm_outs)[ALARM_OUTS], int64_t m,
          double *v, uint16_t *q, double *used, int64_t *status, int64_t (*ring)[5], double dt) {
    for (int64_t i = 0; i < n; i++) {
        struct pid *b = &pids[i];
        TAKE(pv, 0); TAKE(pv2, 1); TAKE(cas, 2); TAKE(feedforward, 3); TAKE(track, 4); TAKE(by, 5);
        b->op.used = used[outs[i][0]];
        b->op.status = status[outs[i][0]];
        int64_t mode = b->mode, source = b->pv_source;
        pid_back(b, dt);
        note(ring, 0, i, 0, mode, b->mode);
        note(ring, 0, i, 1, source, b->pv_source);
        used[ins[i][2]] = b->cas.used;
        status[ins[i][2]] = b->cas.status;
    }
    for (int64_t i = 0; i < n; i++) {
        struct pid *b = &pids[i];
        TAKE(pv, 0); TAKE(pv2, 1); TAKE(cas, 2); TAKE(feedforward, 3); TAKE(track, 4); TAKE(by, 5);
        int64_t mode = b->mode, source = b->pv_source;
        pid_step(b, dt);
        note(ring, 0, i, 0, mode, b->mode);
        note(ring, 0, i, 1, source, b->pv_source);
        put(v, q, outs[i][0], b->op.v, b->op.q);
        used[outs[i][0]] = v[outs[i][0]];
        status[outs[i][0]] = 0;
        const double shown[PID_OUTS - 1] = {b->sp, b->manual, (double)b->target, (double)b->mode, (double)b->pv_source,
                                            b->p, b->i, b->d, b->ff, b->v, b->share, (double)b->limits};
        for (int k = 0; k < PID_OUTS - 1; k++) put(v, q, outs[i][k + 1], shown[k], 0);
    }
    for (int64_t i = 0; i < m; i++) {
        struct limit_alarm *b = &alarms[i];
        int64_t j = alarm_ins[i][0], arm = alarm_ins[i][1], state = b->state, bad_input = b->bad_input;
        b->pv.v = v[j];
        b->pv.q = q[j];
        b->arm.v = v[arm];
        b->arm.q = q[arm];
        alarm_step(b, dt);
        note(ring, 1, i, 0, state, b->state);
        note(ring, 1, i, 1, bad_input, b->bad_input);
        const double shown[ALARM_OUTS] = {(double)b->state, (double)b->ack, (double)b->reset, (double)b->active,
                                          (double)b->suppressed, (double)b->bad_input};
        for (int k = 0; k < ALARM_OUTS; k++) { v[alarm_outs[i][k]] = shown[k]; q[alarm_outs[i][k]] = 0; }
    }
}
