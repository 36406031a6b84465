"""A feed to an InfluxDB by influxdb-client's batching writer, in batches of 5,000, to a VictoriaMetrics beside it.

It is given ready lines, which leaves out most of what it costs (`Point` objects: some 4 us more each, told beside it).
It forgets what it cannot send; that is not measured here.
"""

import time

from benchmarks.history_peers import wanted

BATCH = 5_000


def batched(port, seconds):
    """CPU of this process and time by the clock for sending `seconds`, each a list of (name, value, UTC ns), in s."""
    library = wanted("influxdb_client")
    options = library.WriteOptions(batch_size=BATCH, flush_interval=1_000)
    with library.InfluxDBClient(f"http://127.0.0.1:{port}", token="", org="plant") as client:
        lines = [[f"batching,point={name} value={value} {at}" for name, value, at in rows] for rows in seconds]
        begin, begin_cpu = time.perf_counter(), time.process_time()
        with client.write_api(write_options=options) as writer:
            for second in lines:
                writer.write("plant", record=second)
        return time.process_time() - begin_cpu, time.perf_counter() - begin


def pointed(rows):
    """CPU for making lines of `rows` by the library's `Point`, in s."""
    library = wanted("influxdb_client")
    begin = time.process_time()
    for name, value, at in rows:
        library.Point("batching").tag("point", name).field("value", value).time(at).to_line_protocol()
    return time.process_time() - begin
