"""The laboratory's book over HTTP: `/api/v1/lab` shows it, and takes what is entered, signed, corrected and withdrawn.

The same rules as for commands: a session says who it is, an operator acts and a viewer looks, what was on its way for
longer than it counts is not done, and the same key acts once. It is answered when it is on disk.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from plantctl.core import command as codes
from plantctl.hmi.lab_desk import GONE, KNOWN, SAME_PERSON, SIGNED, TOO_OLD, LabDesk, LabRefused
from plantctl.hmi.lab_messages import LabBookTold, LabRequest
from plantctl.hmi.messages import Problem, encode
from plantctl.hmi.sessions import Session

PATH: Final = "/api/v1/lab"
OPEN: Final = {"": False, "false": False, "true": True}
LAST_DIGITS: Final = 6
NO_BODY: Final = "bad-message"
NO_JSON: Final = "no-json"
# What a refusal is over HTTP; of any other the plant is the cause.
STATUS: Final = {
    NO_BODY: (400, "bad request"),
    NO_JSON: (415, "unsupported media type"),
    codes.BAD_VALUE: (400, "bad request"),
    codes.OUT_OF_RANGE: (400, "bad request"),
    codes.NO_REASON: (400, "bad request"),
    TOO_OLD: (400, "bad request"),
    codes.NO_PERMISSION: (403, "forbidden"),
    SAME_PERSON: (403, "forbidden"),
    codes.UNKNOWN_TARGET: (404, "not found"),
    codes.NOT_WRITABLE: (409, "conflict"),
    codes.EXPIRED: (409, "conflict"),
    KNOWN: (409, "conflict"),
    SIGNED: (409, "conflict"),
    GONE: (409, "conflict"),
}


class LabRoute:
    """The desk for one server's sessions; `given_ns` tells when what arrives now may have been sent (monotonic)."""

    def __init__(self, desk: Callable[[], LabDesk], given_ns: Callable[[], int]) -> None:
        self._desk = desk
        self._given_ns = given_ns

    async def answer(self, request: Request, session: Session) -> Response:
        """The answer to a request of `session`. Raises `LabRefused` and `OSError`."""
        if request.method != "POST":
            unsigned = OPEN.get(request.query_params.get("open", ""))
            if unsigned is None:
                raise LabRefused(codes.BAD_VALUE, "open is true or false")
            tag, last = request.query_params.get("tag", ""), request.query_params.get("last", "0")
            if not (last.isascii() and last.isdigit() and len(last) <= LAST_DIGITS):
                raise LabRefused(codes.BAD_VALUE, "last is a number of samples")
            return _json(LabBookTold(await self._desk().entries(tag, unsigned=unsigned, last=int(last))))
        given_ns = self._given_ns()
        if session.role != "operator":
            raise LabRefused(codes.NO_PERMISSION, f"a {session.role} may look, but not act")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise LabRefused(NO_JSON, "what is entered is application/json")
        try:
            asked: LabRequest = msgspec.json.decode(await request.body(), type=LabRequest)
        except (ValueError, RecursionError) as error:
            raise LabRefused(NO_BODY, str(error)) from None
        return _json(await self._desk().act(asked, f"{session.user} ({session.role})", given_ns))


def lab_problem(refused: LabRefused) -> Problem:
    """A refusal of the desk as HTTP tells it."""
    status, title = STATUS.get(refused.code, (503, "service unavailable"))
    return Problem(title, status, str(refused), refused.code, field=refused.field)


def _json(told: msgspec.Struct) -> Response:
    return Response(encode(told), media_type="application/json", headers={"cache-control": "no-store"})
