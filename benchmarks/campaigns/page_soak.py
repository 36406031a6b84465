"""The page left open: whether what the browser keeps for it grows with time.

The page in Debian's chromium hears the scripted circuit of the browser tests, which changes every measured value ten
times a second: an hour of it is 36,000 frames. Screens are changed, a faceplate is opened and closed, alarms come and
go, and the page is hidden and shown, as in a control room. After each lap of all screens the garbage is collected and
the heap is read. What the page keeps by intent, the last thousand events, is filled before the first lap. After a
fifth of the time as warm-up the least heap, nodes and listeners of the second half may be no more than a tenth above
the least of the first.

`make campaign NAME=page-soak ARGS=SECONDS`
"""

import sys
import time

from benchmarks._record import record
from tests.browser.conftest import SIZE, TOKEN, TestGateway, browsing, go, live

SECONDS = 3600.0
GROWTH_MAX = 0.1
JOURNAL = 1_100
SCREENS = ("overview", "cells", "alarms", "interlocks", "events", "devices", "trend", "overview")
ALARMS = ("40-FI-4274.low", "40-EI-4030.high", "40-TI-4214.high", "40-CI-4217.low")


def ride(page, gateway, seconds, filled=0, say=lambda lap: None):
    """Ride for `seconds`; by lap: seconds since the start, MB of JavaScript heap, nodes, listeners, frames told."""
    page.goto(f"{gateway.address}/#token={TOKEN}")
    live(page)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    gateway.tell("events", [{"kind": "alarm", "target": ALARMS[0], "old": "normal", "new": "unack"}] * filled)
    begin_s = time.monotonic()
    laps = []
    while time.monotonic() - begin_s < seconds:
        lap(page, gateway, len(laps))
        laps.append([round(time.monotonic() - begin_s, 1), *kept(cdp), gateway.tell("look")["seq"]])
        say(laps[-1])
    return laps


def lap(page, gateway, number):
    """All screens once, an alarm to each state, a faceplate, a while in the background."""
    for i, screen in enumerate(SCREENS):
        go(page, screen)
        gateway.tell("values", {ALARMS[i % len(ALARMS)]: (number + i) % 4})
        gateway.tell("events", {"kind": "alarm", "target": ALARMS[i % len(ALARMS)], "old": "normal", "new": "unack"})
        page.wait_for_timeout(300)
    page.locator("[data-open='40-AIC-4212']").first.click()
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    with page.context.new_page() as other:
        other.bring_to_front()
        page.wait_for_timeout(300)
    page.bring_to_front()


def kept(cdp):
    """What the page keeps after its garbage was collected: MB of heap, nodes, listeners."""
    cdp.send("HeapProfiler.collectGarbage")
    told = {each["name"]: each["value"] for each in cdp.send("Performance.getMetrics")["metrics"]}
    return round(told["JSHeapUsedSize"] / 1e6, 3), int(told["Nodes"]), int(told["JSEventListeners"])


def growth(laps, column):
    """By what share the least of the second half is above the least of the first after its warm-up, of one column."""
    half, warm = len(laps) // 2, len(laps) // 5
    first, second = (min(lap[column] for lap in part) for part in (laps[warm:half] or laps[:1], laps[half:]))
    return second / first - 1.0


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    gateway = TestGateway()
    try:
        with browsing() as browser, browser.new_context(viewport=SIZE) as context, context.new_page() as page:
            laps = ride(page, gateway, seconds, JOURNAL, print)
    finally:
        gateway.end()
    grown = {name: round(growth(laps, i), 4) for i, name in enumerate(("heap", "nodes", "listeners"), 1)}
    figures = {"seconds": seconds, "laps": len(laps), "frames": laps[-1][-1] - laps[0][-1], "growth": grown}
    record("page-soak", {**figures, "heap_mb": [laps[0][1], max(lap[1] for lap in laps), laps[-1][1]]})
    return 0 if max(grown.values()) <= GROWTH_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
