"""One more client of the page's server, in a process of its own: asks the same over and over, as a scraper does.

`python -m benchmarks._page_asker` reads what to do as a JSON object from the first line of its standard input:
`origin`, `cookie`, `path`, `accept`, `every_s` (0: again as soon as it was answered). It asks until its standard input
ends, and writes a JSON object: how often it was answered, how long an answer took in ms, how large the largest was.
"""

import http.client
import json
import sys
import threading
import time

import numpy as np


def main():
    asked = json.loads(sys.stdin.readline())
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    client = http.client.HTTPConnection(asked["origin"].removeprefix("http://"), timeout=60)
    headers = {"cookie": asked["cookie"], "accept": asked["accept"]}
    took_ms, largest, refused = [], 0, 0
    while not ended.is_set():
        begin = time.perf_counter()
        client.request("GET", asked["path"], headers=headers)
        answer = client.getresponse()
        size = 0
        while piece := answer.read(1 << 16):
            size += len(piece)
        refused += answer.status != 200
        took_ms.append((time.perf_counter() - begin) * 1e3)
        largest = max(largest, size)
        ended.wait(max(0.0, asked["every_s"] - took_ms[-1] / 1e3))
    p50, p99 = np.quantile(took_ms, (0.5, 0.99)).round(2).tolist()
    print(json.dumps({"asked": len(took_ms), "refused": refused, "p50_ms": p50, "p99_ms": p99, "bytes": largest}))


if __name__ == "__main__":
    main()
