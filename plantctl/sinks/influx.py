"""Rows and transitions to an InfluxDB 2 or 1, or to anything that takes writes as they do, VictoriaMetrics above all.

The connection is that of influxdb-client's asynchronous client; the lines are ours (`_line_protocol`), since the
library's batching writer forgets what it cannot send, and costs more than ten times as much. One batch is one request
of one kept connection; what the answer means is in `_influx_answer`.

Rules of the file. A token goes to the host of `url` and nowhere else: redirections are not followed, no proxy is used
whatever the environment says, no message holds it. https is always checked; http must be asked for by
`insecure: true`. An answer is read up to a limit and in time.
"""

import asyncio
import base64
import re
import ssl
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from plantctl.core.batch import Batch
from plantctl.sinks._influx_answer import WORDS_MAX, Answer, refusal
from plantctl.sinks._line_protocol import LineEncoder
from plantctl.sinks._secrets import FileName, path_in, secret_in
from plantctl.sinks._sink import SinkNotAdmitted, SinkPlace, SinkSettings, SinkUnreachable, seconds

ANSWER_BYTES_MAX: Final = 1 << 16
# Enough for names that repeat in every line; more costs several times the encoding and saves little.
_GZIP_LEVEL: Final = 1
_GZIP: Final = 16 + zlib.MAX_WBITS
_MEASUREMENT: Final = r"[A-Za-z][A-Za-z0-9_.-]*"
_OF_V2: Final = ("org", "bucket", "token_file")
_OF_V1: Final = ("database", "retention_policy", "user", "password_file")

Name = Annotated[str, Field(min_length=1, max_length=255)]


class Config(SinkSettings):
    """Where to, as whom, under what names.

    `url` is the address without `/api/v2/write` or `/write`. `api: v2` takes `org`, `bucket` and `token_file`, `api:
    v1` takes `database`, `retention_policy` (by default the database's own), `user` and `password_file`. Files lie in
    the plant's secrets folder; `ca_file` is the authority that the server's certificate is from, where the system
    does not know it. `measurement` names the rows, with `_event` behind it the transitions; `text: false` sends no
    field of text, for databases of numbers alone. `gzip` presses requests. `settle` is twice what a
    VictoriaMetrics may take to bring rows to its disk: rows wait up to 4 s to become a part in memory, that is written
    when it is 5 s old, and who looks for such parts does so every 5 s (lib/storage/partition.go; 1.79.5 was measured to
    forget rows of 10 s). 0 is for databases that write before they answer.
    """

    settle: Annotated[float, BeforeValidator(seconds), Field(ge=0.0, le=3_600.0, allow_inf_nan=False)] = 30.0
    url: str
    api: Literal["v2", "v1"] = "v2"
    org: Name | None = None
    bucket: Name | None = None
    token_file: FileName | None = None
    database: Name | None = None
    retention_policy: Name | None = None
    user: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^:]+$")] | None = None
    password_file: FileName | None = None
    ca_file: FileName | None = None
    insecure: Literal[True] | None = None
    measurement: Annotated[str, Field(max_length=64, pattern=f"^{_MEASUREMENT}$")] = "plant"
    text: bool = True
    gzip: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        scheme = _checked(self.url)
        if scheme == "http" and not self.insecure:
            raise ValueError("http:// is neither encrypted nor checked: take https://, or say so by `insecure: true`")
        if scheme == "https" and self.insecure:
            raise ValueError("https:// is always checked: leave `insecure` out, and name your authority in `ca_file`")
        if scheme == "http" and self.ca_file:
            raise ValueError("`ca_file` has no meaning with http://")
        needed, foreign = (("org", "bucket"), _OF_V1) if self.api == "v2" else (("database",), _OF_V2)
        if missing := [key for key in needed if getattr(self, key) is None]:
            raise ValueError(f"`api: {self.api}` needs {_listed(missing)}")
        if strange := [key for key in foreign if getattr(self, key) is not None]:
            raise ValueError(f"{_listed(strange)} has no meaning with `api: {self.api}`")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("`user` and `password_file` belong together")
        return self

    def address(self) -> str:
        """Where writes go."""
        return self.url.rstrip("/") + ("/api/v2/write" if self.api == "v2" else "/write")

    def query(self) -> list[tuple[str, str]]:
        """What a write says of where it goes."""
        if self.api == "v2":
            return [("org", self.org or ""), ("bucket", self.bucket or ""), ("precision", "ns")]
        policy = [("rp", self.retention_policy)] if self.retention_policy else []
        return [("db", self.database or ""), *policy, ("precision", "n")]


def _checked(url: str) -> str:
    """The scheme of an address that is one. Raises ValueError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise ValueError(f"`{url}` is no address: {fault}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not url.isprintable() or " " in url:
        raise ValueError(f"`{url}` is no address like https://influx.plant.example:8086")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password in `url`: they go by `token_file`, or by `user` and `password_file`")
    if parts.query or parts.fragment:
        raise ValueError("nothing behind `?` or `#` in `url`: organisation, bucket and the like have keys of their own")
    return parts.scheme


def _listed(keys: list[str]) -> str:
    return " and ".join(f"`{key}`" for key in keys)


class Sink:
    """Writes batches to one database."""

    def __init__(self, place: SinkPlace, config: Config) -> None:
        self.settings = config
        self._place = place
        self._config = config
        self.link = 0
        self._client: Any = None
        self._encoder: LineEncoder | None = None
        self._headers: dict[str, str] = {}
        self._secret = ""

    async def open(self) -> None:
        """Read the secrets anew and get the library ready; the connection is made by the first write."""
        config = self._config
        self._headers = self._request_headers()
        trusted = self._trusted() if config.url.startswith("https:") else None
        # Two seconds of importing; the loop of the feeds has others to serve.
        library = await asyncio.to_thread(import_module, "influxdb_client.client.influxdb_client_async")
        aiohttp = import_module("aiohttp")
        place = self._place
        self._encoder = LineEncoder(
            config.measurement, place.plant, place.labels, text=config.text, recording=place.recording
        )
        # A batch above 1 MiB in one piece is meant; the loop copies it once.
        warnings.filterwarnings("ignore", "Sending a large body directly", ResourceWarning)
        self._client = library.InfluxDBClientAsync(
            url=config.url,
            org=config.org,
            debug=False,
            timeout=max(1, round(config.patience * 1e3)),
            ssl_context=trusted,
            allow_redirects=False,
            connection_pool_maxsize=1,
            client_session_kwargs={
                "trust_env": False,
                "auto_decompress": False,
                "cookie_jar": aiohttp.DummyCookieJar(),
            },
        )
        self._count_connections(aiohttp)

    def _count_connections(self, aiohttp: Any) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._connected)
        trace.freeze()
        # The library has no setting for it: it gives its session a list of its own.
        self._client.api_client.rest_client.pool_manager.trace_configs.append(trace)

    async def _connected(self, *_: object) -> None:
        """A connection was made, the first or in place of another: the server may have died in between.

        So it may where the server itself had ended the connection: it is back within a tenth of a second, and nobody
        looks before there is something to send.
        """
        self.link += 1

    def _request_headers(self) -> dict[str, str]:
        config, folder = self._config, self._place.secrets
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "plantctl",
        }
        if config.gzip:
            headers["Content-Encoding"] = "gzip"
        self._secret = ""
        if config.token_file:
            self._secret = secret_in(folder, config.token_file, "token")
            headers["Authorization"] = f"Token {self._secret}"
        elif config.password_file:
            self._secret = secret_in(folder, config.password_file, "password")
            pair = base64.b64encode(f"{config.user}:{self._secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return headers

    def _trusted(self) -> ssl.SSLContext:
        """Whom we believe that they are the server: the system's authorities, or the one that is named."""
        if not self._config.ca_file:
            return ssl.create_default_context()
        path = path_in(self._place.secrets, self._config.ca_file)
        try:
            return ssl.create_default_context(cafile=str(path))
        except (OSError, ssl.SSLError) as fault:
            raise SinkNotAdmitted(f"there is no authority's certificate (PEM) in {path}: {fault}") from None

    async def write(self, batch: Batch) -> None:
        """Send the batch in one request. Raises a `SinkError` unless the answer says that all of it has arrived."""
        if not len(batch):
            return
        if self._encoder is None or self._client is None:
            raise SinkUnreachable("the sink is not open")
        lines = self._encoder.lines(batch)
        answer = await self._post(_pressed(lines) if self._config.gzip else lines)
        fault = refusal(answer, batch, lines, self._place.clock.utc_ns())
        if fault is not None:
            raise fault

    async def _post(self, body: bytes) -> Answer:
        config = self._config
        with self._told_apart():
            response = await self._client.api_client.request(
                "POST",
                config.address(),
                query_params=config.query(),
                headers=dict(self._headers),
                body=body,
                _preload_content=False,
            )
            async with response:
                data = b""
                while len(data) <= ANSWER_BYTES_MAX:
                    piece = await response.content.read(ANSWER_BYTES_MAX + 1 - len(data))
                    if not piece:
                        break
                    data += piece
                # What is not read to its end is not waited for: leaving closes its connection.
                whole = len(data) <= ANSWER_BYTES_MAX
        told = self._without_secret(data.decode("utf-8", "replace")).encode()
        location = self._without_secret(response.headers.get("Location", ""))
        return Answer(response.status, told, whole, response.headers.get("Retry-After", ""), location)

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """What the network does, as what it means."""
        aiohttp = import_module("aiohttp")
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as fault:
            raise SinkNotAdmitted(self._words(fault.certificate_error)) from None
        except TimeoutError:
            raise SinkUnreachable(f"no answer within {self._config.patience:g} s") from None
        except (aiohttp.ClientError, OSError) as fault:
            raise SinkUnreachable(self._words(fault)) from None

    def _words(self, fault: Exception) -> str:
        text = re.sub(r"\s+", " ", str(fault)).strip()
        return self._without_secret(f"{type(fault).__name__}: {text}" if text else type(fault).__name__)[:WORDS_MAX]

    def _without_secret(self, text: str) -> str:
        """`text` without the secret, in case that somebody sends it back to us."""
        if not self._secret:
            return text
        own = self._headers["Authorization"].split(" ", 1)[1]
        return text.replace(self._secret, "...").replace(own, "...")

    async def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _pressed(data: bytes) -> bytes:
    press = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)
    return press.compress(data) + press.flush()
