"""The product's own page server over a recorded history, in a process of its own.

`python -m benchmarks._history_server FOLDER`: FOLDER holds `log` and `history`. It writes a JSON object with `port` and
`cookie`, and serves until its standard input ends.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME
from plantctl.core.clock import RealClock
from tests.gateway_bench import demo_plan
from tests.page_bench import Page, page_socket

CLOCK = RealClock()


async def main(recorded):
    with tempfile.TemporaryDirectory() as name, page_socket(0, "", "", "", Path(name)) as settings:
        folder = Path(name)
        for part in (LOG_NAME, HISTORY_NAME):
            (folder / part).symlink_to(recorded / part)
        page = Page(settings, folder)
        await page.begin(demo_plan(), CLOCK.utc_ns() - CLOCK.monotonic_ns())
        try:
            await page.log_in()
            print(json.dumps({"port": settings.port, "cookie": page.cookie}), flush=True)
            await asyncio.to_thread(sys.stdin.read)
        finally:
            await page.end()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve()))
