"""What the server can be asked, as an OpenAPI 3.1 document: made of the very types that check and encode the messages.

The messages of the WebSocket, which OpenAPI has no words for, stand among the schemas and are listed in `x-websocket`.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from plantctl import __version__
from plantctl.history.export.by_lots import FORMS
from plantctl.hmi.client import NO_TEXT, RESTARTS, SESSION_OVER, TOO_MANY, TOO_SLOW
from plantctl.hmi.export_answer import PATH as EXPORT
from plantctl.hmi.export_answer import TEXT_MAX
from plantctl.hmi.history_answer import AGGREGATES, POINTS_USUAL, TAGS_MAX
from plantctl.hmi.lab_messages import LabBookTold, LabCorrect, LabEnter, LabEntryTold, LabSign, LabWithdraw
from plantctl.hmi.messages import (
    CLIENT_MESSAGES,
    KINDS,
    SERVER_MESSAGES,
    STAGES,
    VERBS,
    Events,
    Problem,
    SessionTold,
    TokenLogin,
    UserLogin,
)
from plantctl.hmi.past_events import KEPT

LIVE: Final = "/api/v1/live"
DOCUMENT: Final = "/api/v1/openapi.json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query: its name, what it is, and its JSON schema."""

    name: str
    text: str
    schema: dict[str, Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One request: what it is for, what it may carry and what it gives; `problems` are the statuses of refusals."""

    path: str
    method: str
    text: str
    answer: Any = None
    body: tuple[type, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    status: int = 200
    problems: tuple[int, ...] = ()
    session: bool = True
    kind: str = "application/json"


OPERATIONS: Final = (
    Operation("/", "GET", "The page.", kind="text/html", session=False, problems=(404,)),
    Operation("/static/{name}", "GET", "A file of the page.", kind="*/*", session=False, problems=(404,)),
    Operation("/api/v1/session", "GET", "Who is logged in.", SessionTold, problems=(401,)),
    Operation(
        "/api/v1/session",
        "POST",
        "Begin a session, with the one-time token of a first start or as a user. Sets the cookie that stands for it.",
        SessionTold,
        body=(TokenLogin, UserLogin),
        session=False,
        problems=(400, 401, 413, 415, 429),
    ),
    Operation("/api/v1/session", "DELETE", "End the session.", status=204, problems=(401,)),
    Operation(
        "/api/v1/plant",
        "GET",
        "The plant as its text describes it (plant-description.md). The ETag changes with the answer.",
        dict[str, Any],
        problems=(401,),
    ),
    Operation(
        "/api/v1/history",
        "GET",
        "What was recorded, as columns by tag: `t` and other times in ns as text, values null where there is none. "
        "`minmax`: `min`, `max`, `mean`, `first`, `last` of spans `width`, `known` the share with a value; "
        "`raw`: every point and what was in force at the start, `until` when; `latest`: the point in force at `end`; "
        "`last`: the newest before it; `average`, `total`: `value` over the `good` share of the span. "
        "By `Accept` also as text/csv, application/vnd.apache.arrow.stream or application/vnd.apache.parquet.",
        dict[str, Any],
        parameters=(
            Parameter("tags", f"up to {TAGS_MAX} names, commas between them", {"type": "string"}, required=True),
            Parameter("start", "UTC, as RFC 3339 or ns since 1970; not with `latest`, `last`", {"type": "string"}),
            Parameter("end", "UTC, likewise; itself left out", {"type": "string"}, required=True),
            Parameter("points", f"spans or points at most ({POINTS_USUAL})", {"type": "integer", "minimum": 1}),
            Parameter("agg", "what is wanted (`minmax`)", {"enum": list(AGGREGATES)}),
            Parameter("after", "`raw` of one tag in pages: empty, then `next` of the page before", {"type": "string"}),
            Parameter("unit", "the unit of a total, where not the usual one", {"type": "string"}),
        ),
        problems=(400, 401, 404, 406, 503),
    ),
    Operation(
        EXPORT,
        "GET",
        "What was recorded, lot by lot, as `plantctl export` writes it: a zip with one table a lot, `lots.csv` and "
        "`manifest.json` (history-questions.md, Exports), sent while it is made. Name one of `while`, `around`, "
        "`lots`. One that breaks off has no directory: it is no zip.",
        parameters=(
            Parameter("tags", f"up to {TAGS_MAX} names, commas between them", {"type": "string"}, required=True),
            Parameter(
                "while", f"each stretch in which this condition is true ({TEXT_MAX} characters)", {"type": "string"}
            ),
            Parameter(
                "around", "each event `KIND [TARGET [NEW]]`, or when a condition becomes true", {"type": "string"}
            ),
            Parameter("lots", "lots as in a file: lines `name,start,end` under that head", {"type": "string"}),
            Parameter("start", "where to begin to look, UTC as above; not with `lots`", {"type": "string"}),
            Parameter("end", "up to where, likewise", {"type": "string"}),
            Parameter("before", "so much time before each lot as well, `10 min`", {"type": "string"}),
            Parameter("after", "so much time after each lot as well", {"type": "string"}),
            Parameter("through", "a gap up to so long does not end a stretch", {"type": "string"}),
            Parameter("every", "spans so long of good values, not points", {"type": "string"}),
            Parameter("form", "of the tables (`csv`)", {"enum": list(FORMS)}),
        ),
        problems=(400, 401, 404, 406, 503),
        kind="application/zip",
    ),
    Operation(
        "/api/v1/events",
        "GET",
        f"The last transitions, {KEPT} at most, from the record and from memory: what happened before a page was "
        "opened, or in a gap. From then on the WebSocket tells them as they happen; what both tell is the same.",
        Events,
        problems=(401,),
    ),
    Operation(
        "/api/v1/lab",
        "GET",
        "The laboratory's book: what was entered of samples, signed, corrected and withdrawn, the newest sample first.",
        LabBookTold,
        parameters=(
            Parameter("tag", "only of this laboratory tag", {"type": "string"}),
            Parameter("open", "only what waits for a signature (false)", {"enum": ["true", "false"]}),
            Parameter("last", "of each tag so many of its newest samples, and what waits; 0: all", {"type": "integer"}),
        ),
        problems=(400, 401, 404, 503),
    ),
    Operation(
        "/api/v1/lab",
        "POST",
        "Enter a value of a sample, sign, correct or withdraw an entry, as an operator. Answered when it is on disk; "
        "the same `idem` of the same person acts once.",
        LabEntryTold,
        body=(LabEnter, LabSign, LabCorrect, LabWithdraw),
        problems=(400, 401, 403, 404, 409, 413, 415, 503),
    ),
    Operation(
        "/metrics",
        "GET",
        "Measurements for Prometheus and its like, in its text or, where `Accept` prefers it, in OpenMetrics 1.0. With "
        "a session, as a user by Basic authentication, or, where the plant's text says so, from this machine.",
        kind="text/plain",
        problems=(401, 429),
    ),
    Operation(DOCUMENT, "GET", "This document.", dict[str, Any], session=False),
)

# Close codes of the WebSocket that are ours, and those of RFC 6455 that the server uses.
CLOSES: Final = {
    1002: "the frames break the protocol",
    NO_TEXT: "a message was not text",
    1007: "a text was no UTF-8",
    1009: "a message was longer than 65,536 bytes",
    RESTARTS: "the server restarts: connect again",
    SESSION_OVER: "the session is over: log in",
    TOO_SLOW: "messages that may not be left out piled up: read faster, connect again",
    TOO_MANY: "more than 20 messages a second",
}


def document() -> dict[str, Any]:
    """The document, the same at every call."""
    types = [*SERVER_MESSAGES, *CLIENT_MESSAGES, Problem]
    types += [
        t for o in OPERATIONS for t in (*o.body, o.answer) if isinstance(t, type) and issubclass(t, msgspec.Struct)
    ]
    template = "#/components/schemas/{name}"
    _, components = msgspec.json.schema_components(dict.fromkeys(types), ref_template=template)
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "plantctl",
            "version": __version__,
            "description": "The page's server of one plant. Requests that change something, and the WebSocket, must "
            "have an Origin of ours; every request a Host of ours.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "plantctl-PORT"}},
        },
        "x-websocket": {
            "path": LIVE,
            "server": [_reference(each) for each in SERVER_MESSAGES],
            "client": [_reference(each) for each in CLIENT_MESSAGES],
            "closes": {str(code): text for code, text in CLOSES.items()},
            "stages": list(STAGES),
            "kinds": list(KINDS),
            "commands": list(VERBS),
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": operation.text}
    if operation.status != 204:
        answer["content"] = {operation.kind: {"schema": _schema(operation.answer)}}
    said: dict[str, Any] = {"summary": operation.text, "responses": {str(operation.status): answer}}
    for status in operation.problems:
        content = {"application/problem+json": {"schema": _reference(Problem)}}
        said["responses"][str(status)] = {"description": "a problem", "content": content}
    if operation.body:
        schemas = {"oneOf": [_reference(each) for each in operation.body]}
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas}}}
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    parameters += [
        {"name": p.name, "in": "query", "required": p.required, "description": p.text, "schema": p.schema}
        for p in operation.parameters
    ]
    if parameters:
        said["parameters"] = parameters
    if operation.session:
        said["security"] = [{"session": []}]
    return said


def _schema(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _reference(kind)
    return {"type": "string"} if kind is None else {"type": "object"}


def _reference(kind: type) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
