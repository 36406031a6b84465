"""The goals of the history, judged by the figures of one run.

    13  ingest: 2 M samples a second, and twice what VictoriaMetrics takes; at most 0.4 us of CPU each; the p99 of a
        commit at most five times that of a bare fdatasync
    14  bytes a sample: at most 1.0 at 1 Hz, 0.5 at 10 Hz, and half of VictoriaMetrics' data (set when these were found
        unmerged, at 1.6 to 2.8; merged they are below 0.7, and half of that is less than what the noise alone holds)
        a point that changed takes at most 1 byte with its quality, and 2 with its source time
    15  everything of one tag, 1,200 points: a fifth of VictoriaMetrics' time
    16  a feed to an InfluxDB: a tenth of the CPU of influxdb-client's batching writer

Ingest is judged with sealing, and beside it without: what VictoriaMetrics has answered for is in its memory, neither on
the disk nor merged; what is in the log is on the disk. VictoriaMetrics is given each sample in one go, since only this
keeps what plantctl keeps (a tag that rests and a scan that is missing look different), and in another what changed,
which is less for it to do; both are judged. A query of plantctl ends with numbers in the program that asked, so
VictoriaMetrics' answer is decoded too; its time without that is judged as well, and the same query over HTTP on both
sides is told without a verdict: the goal was set for the embedded history.
"""

from benchmarks._history_signals import NOISE_BYTES_SAMPLE

OURS = "plantctl"
WITH_SOURCE = "plantctl with source times"
VICTORIA = "VictoriaMetrics"
# Why a line is missed, by how it begins: the table tells it.
WHY = {
    "bytes/sample, 0.5 x": "it keeps times in ms and no quality; ours are in ns, with quality, in chunks of some "
    "minutes, and the noise alone needs what is told below",
    "query ms, 0.2 x": "ours ends with numbers in the program, the peer's time here with text that nobody has read yet",
}
POINTS = 1_000  # of a query: so many are "1,200 points"


def goals(runs):
    """A row a goal: number, what, where, plantctl's figure, what is allowed, whether it is met (None: told only)."""
    return [row for run in runs for row in _rows(run)]


def _rows(run):
    mine, hertz = run[OURS], run["hertz"]
    where = f"{run['tags']:,} tags, {hertz} Hz"
    peers = {label: figures for label, figures in run.items() if label.startswith(VICTORIA)}

    def row(goal, what, figure, most=None, least=None, told=False):
        limit = round(least if most is None else most, 4)
        met = None if told else figure >= limit if most is None else figure <= limit
        judged = {"goal": goal, "what": what, "where": where, "figure": figure, "limit": limit, "met": met}
        why = [text for begin, text in WHY.items() if what.startswith(begin)] or ["not explained yet"]
        return judged | ({"why_missed": why[0]} if met is False else {})

    yield row(13, "samples/s", mine["samples_s"], least=2_000_000)
    for label, its in peers.items():
        yield row(13, f"samples/s, 2 x {label}", mine["samples_s"], least=2 * its["samples_s"])
        yield row(13, f"durable samples/s, 2 x {label}", mine["durable_samples_s"], least=2 * its["samples_s"])
    yield row(13, "CPU us/sample", mine["cpu_us_sample"], 0.4)
    yield row(13, "p99 of a commit, ms, 5 x fdatasync", mine["commit_ms_p99"], 5 * run["fdatasync_80kB_ms_p50_p99"][1])
    yield row(14, "bytes/sample", mine["bytes_sample"], 1.0 if hertz == 1 else 0.5)
    yield row(14, "bytes/point, value and quality", mine["bytes_point"], 1.0)
    yield row(14, "bytes/point with source times", run[WITH_SOURCE]["bytes_point"], 2.0)
    for label, its in peers.items():
        yield row(14, f"bytes/sample, 0.5 x {label}", mine["bytes_sample"], 0.5 * its["bytes_sample"])
    if peers:
        half = 0.5 * min(its["bytes_sample"] for its in peers.values())
        yield row(14, "bytes/sample of the noise alone: nobody is below", round(NOISE_BYTES_SAMPLE, 3), half, told=True)
    for label, its in peers.items() if mine["query_points"] >= POINTS else ():
        yield row(15, f"query ms, 0.2 x {label}", mine["query_ms"], 0.2 * its["query_ms"])
        bare_ms = 0.2 * its["query_undecoded_ms"]
        yield row(15, f"query ms, 0.2 x {label}, undecoded", mine["query_ms"], bare_ms)
        yield row(15, f"over HTTP ms, 0.2 x {label}, undecoded", mine["query_http_ms"], bare_ms, told=True)
    yield from _feed_rows(run["feed"], row)


def _feed_rows(feed, row):
    if "influxdb-client" not in feed:
        return
    limit = 0.1 * feed["influxdb-client"]["cpu_us_point"]
    yield row(16, "CPU us/point of a feed, 0.1 x influxdb-client", feed["plantctl"]["cpu_us_point"], limit)
    yield row(16, "the same with gzip", feed["plantctl, gzip"]["cpu_us_point"], limit, told=True)
    of_lines = 0.1 * feed["influxdb-client"]["encode_us_point"]
    yield row(16, "CPU us/point of lines, 0.1 x Point", feed["plantctl"]["encode_us_point"], of_lines, told=True)


def printed(rows):
    """The goals as lines of text."""
    verdicts = {True: "met", False: "MISSED", None: "told only"}
    lines = [f"    {'goal':58} {'where':20} {'plantctl':>10} {'allowed':>10}"]
    for row in rows:
        figures = f"{row['figure']:>10,} {row['limit']:>10,}"
        lines.append(f"{row['goal']}  {row['what']:58} {row['where']:20} {figures}  {verdicts[row['met']]}")
        if "why_missed" in row:
            lines.append(f"    {row['why_missed']}")
    return "\n".join(lines)
