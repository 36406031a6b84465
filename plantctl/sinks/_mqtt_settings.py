"""How a broker is reached and told who we are: what the MQTT sinks have in common in the configuration.

There is no "if possible": `mqtts://` is TLS with a certificate that must hold, `mqtt://` is an open connection, which
beyond this machine must be asked for with `insecure: true`. Secrets are named by their files in the secrets folder.
"""

from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal, NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from plantctl.sinks._secrets import FileName
from plantctl.sinks._sink import SinkSettings, seconds

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
LEVEL_BYTES_MAX: Final = 256


class Sent(NamedTuple):
    """A message to send."""

    topic: str
    payload: bytes
    retain: bool = False


def _as_text(value: Any) -> Any:
    """`5` is a version as well as `"5"`."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Version = Annotated[Literal["3.1.1", "5"], BeforeValidator(_as_text)]


def _parts(url: str) -> SplitResult:
    """The parts of `mqtts://broker:8883`; raises ValueError."""
    parts = urlsplit(url)
    extra = (parts.path, parts.query, parts.fragment, parts.username, parts.password)
    if parts.scheme not in PORTS or not parts.hostname or any(extra) or parts.port == 0:
        raise ValueError(f"`{url}` is not the address of a broker; write `mqtts://broker.plant:8883`")
    return parts


def is_loopback(host: str) -> bool:
    """Whether the host is this machine for sure: an address of the loopback, or `localhost`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def one_level(text: str) -> str:
    """A name that is one level of a topic; raises ValueError for one that is empty, has wildcards or a slash."""
    if not text or not text.isprintable() or set(text) & set("+#/") or len(text.encode()) > LEVEL_BYTES_MAX:
        raise ValueError(f"`{text}` cannot be one level of a topic")
    return text


class MqttSettings(SinkSettings):
    """The broker: `url` is `mqtts://host:port`, or `mqtt://host:port` with `insecure: true` where that is not here.

    `ca` is the file with the authorities that may vouch for the broker (by default those of the system), `certificate`
    and `key` are ours where the broker wants one, `user` and `password_file` the account. `client_id` is by what name
    the broker knows the connection, `protocol` the version of MQTT, `keepalive` after how many seconds of silence the
    link is tried, `timeout` how long an answer may take in seconds, `in_flight` how many messages may be unanswered at
    a time (fewer where the broker allows fewer). A broker acknowledges what it has in its memory: hence `settle`.
    """

    url: str
    insecure: Literal[True] | None = None
    ca: FileName | None = None
    certificate: FileName | None = None
    key: FileName | None = None
    user: str | None = Field(default=None, min_length=1, max_length=256)
    password_file: FileName | None = None
    client_id: str | None = Field(default=None, min_length=1, max_length=256)
    protocol: Version = "5"
    keepalive: Annotated[float, BeforeValidator(seconds), Field(ge=1.0, le=3_600.0)] = 15.0
    timeout: Annotated[float, BeforeValidator(seconds), Field(gt=0.0, le=60.0)] = 5.0
    in_flight: Annotated[int, Field(ge=1, le=10_000)] = 100
    settle: Annotated[float, BeforeValidator(seconds), Field(ge=0.0, le=3_600.0)] = 5.0

    @field_validator("url")
    @classmethod
    def _is_a_broker(cls, url: str) -> str:
        _parts(url)
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` belong together")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("`user` and `password_file` belong together")
        if self.tls:
            if self.insecure:
                raise ValueError("`insecure: true` has no meaning with `mqtts`")
        elif self.ca or self.certificate:
            raise ValueError("`ca`, `certificate` and `key` need `mqtts`")
        elif not self.insecure and not is_loopback(self.host):
            raise ValueError(f"an open connection to {self.host}: use `mqtts`, or say `insecure: true`")
        return self

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return _parts(self.url).scheme == "mqtts"

    @property
    def host(self) -> str:
        """The broker's host, without the brackets of an address."""
        return _parts(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port."""
        parts = _parts(self.url)
        return parts.port or PORTS[parts.scheme]
