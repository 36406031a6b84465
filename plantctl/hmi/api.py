"""The routes of the page's server: the page and its files, sessions, the description, and the WebSocket.

Every route below `/api/v1` but the one where a session begins needs a session. What goes wrong is told as a problem
(RFC 9457) with a word for programs.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from plantctl.core.errors import PlantctlError
from plantctl.history.export.lots import LotsRefused
from plantctl.history.reading.arrow import LibraryMissing
from plantctl.history.reading.names import UnknownTag
from plantctl.history.reading.query import NothingAsked
from plantctl.history.reading.totals import NotARate
from plantctl.hmi.describe import description
from plantctl.hmi.export_answer import PATH as EXPORT
from plantctl.hmi.export_answer import ExportAnswers
from plantctl.hmi.guard import Guard, refuse
from plantctl.hmi.history_answer import HistoryAnswers, QuestionRefused, Told, TooManyQuestions
from plantctl.hmi.history_forms import NotAcceptable, wanted_form
from plantctl.hmi.history_pieces import Streamed
from plantctl.hmi.lab_desk import LabRefused
from plantctl.hmi.lab_route import PATH as LAB
from plantctl.hmi.lab_route import LabRoute, lab_problem
from plantctl.hmi.live import Live
from plantctl.hmi.live_plant import WatchedPlant
from plantctl.hmi.messages import Problem, Role, SessionTold, TokenLogin, UserLogin, encode
from plantctl.hmi.openapi import DOCUMENT, LIVE, document
from plantctl.hmi.scrapes import CHALLENGE, PATH, Scrapes
from plantctl.hmi.sessions import IDLE_NS, Session, Sessions
from plantctl.hmi.settings import PageSettings
from plantctl.hmi.static import INDEX, StaticFile, StaticFiles
from plantctl.plan.expression import ExpressionRefused

# So many passwords are checked or wait for it; each check takes a tenth of a second and 32 MiB.
CHECKS_MAX: Final = 8
Answer = Callable[[Request], Awaitable[Response]]
# What is refused of a question about the past: status, title and code.
PAST: Final[dict[type, tuple[int, str, str]]] = {
    NotAcceptable: (406, "not acceptable", "not-acceptable"),
    LibraryMissing: (406, "not acceptable", "not-acceptable"),
    TooManyQuestions: (503, "service unavailable", "too-many"),
    UnknownTag: (404, "not found", "unknown-tag"),
    **dict.fromkeys(
        (QuestionRefused, NothingAsked, NotARate, LotsRefused, ExpressionRefused),
        (400, "bad request", "bad-question"),
    ),
}


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, title: str, status: int, detail: str, code: str) -> None:
        self.problem = Problem(title, status, detail, code)
        super().__init__(detail)


class Api:
    """The application over one plant: `app` is what a server runs."""

    def __init__(
        self,
        plant: WatchedPlant,
        live: Live,
        sessions: Sessions,
        history: HistoryAnswers,
        lab: LabRoute,
        settings: PageSettings,
    ) -> None:
        self._plant = plant
        self._live = live
        self._sessions = sessions
        self._history = history
        self._exports = ExportAnswers(plant, history)
        self._lab = lab
        self._settings = settings
        self._static = StaticFiles()
        self._description: bytes | None = None
        self._description_tag = ""
        self._checking = asyncio.Semaphore(1)
        self._checks = 0
        self._recalling = asyncio.Lock()
        self._scrapes: Scrapes | None = None
        # A host's cookies are those of all its ports: another plant's page must not end our sessions.
        self._cookie = f"{'__Host-' if settings.tls else ''}plantctl-{settings.port}"
        routes = [
            Route("/", self._told(self._index), methods=["GET"]),
            Route("/static/{name:path}", self._told(self._file), methods=["GET"]),
            Route("/api/v1/session", self._told(self._session), methods=["GET", "POST", "DELETE"]),
            Route("/api/v1/plant", self._told(self._described), methods=["GET"]),
            _whole(Route("/api/v1/history", self._told(self._past), methods=["GET"])),
            _whole(Route(EXPORT, self._told(self._exported), methods=["GET"])),
            Route("/api/v1/events", self._told(self._happened), methods=["GET"]),
            Route(LAB, self._told(self._sampled), methods=["GET", "POST"]),
            Route(DOCUMENT, self._told(self._document), methods=["GET"]),
            Route(PATH, self._told(self._measured), methods=["GET"]),
            WebSocketRoute(LIVE, self._serve_live),
        ]
        exceptions: Any = {404: self._nothing_there, 405: self._wrong_method}
        self.app: ASGIApp = Guard(Starlette(routes=routes, exception_handlers=exceptions), settings)

    # -- the page

    async def _index(self, request: Request) -> Response:
        return self._sent(request, self._static.find(INDEX))

    async def _file(self, request: Request) -> Response:
        return self._sent(request, self._static.find(request.path_params["name"]))

    def _sent(self, request: Request, file: StaticFile | None) -> Response:
        if file is None:
            raise Refused("not found", 404, "there is no such file", "not-found")
        return _unless_known(request, file.data, file.kind, {"etag": file.etag, "cache-control": "no-cache"})

    async def _described(self, request: Request) -> Response:
        """The description, made when it is first asked for: it is the same as long as this process runs."""
        self._found(request)
        if self._description is None:
            said = description(self._plant.plan, reached=[device for device, _ in self._plant.device_statistics()])
            self._description = encode(said).encode()
            self._description_tag = f'"{hashlib.sha256(self._description).hexdigest()[:32]}"'
        headers = {"etag": self._description_tag, "cache-control": "no-cache"}
        return _unless_known(request, self._description, "application/json", headers)

    async def _past(self, request: Request) -> Response:
        self._found(request)
        kind = wanted_form(request.headers.get("accept", ""))
        return _told_past(request, await self._history.answer(request.query_params, kind))

    async def _exported(self, request: Request) -> Response:
        person = self._found(request).user
        command = f"GET {request.url.path}?{request.url.query}"
        export = await self._exports.answer(request.query_params, command, person)
        answer = Streamed(export.pieces, "application/zip", export.ended)
        answer.headers["content-disposition"] = 'attachment; filename="export.zip"'
        return answer

    async def _happened(self, request: Request) -> Response:
        """The last transitions. The record is read for the first who asks; the others wait for that, not for theirs."""
        self._found(request)
        past = self._live.past
        async with self._recalling:
            if not past.complete:
                losses = past.losses
                try:
                    past.fill(await self._history.events(self._plant.utc_ns()), losses)
                except (OSError, PlantctlError) as error:
                    logging.getLogger("plantctl").warning("the record of what happened cannot be read: %s", error)
        return Response(past.answer(), media_type="application/json")

    async def _sampled(self, request: Request) -> Response:
        try:
            return await self._lab.answer(request, self._found(request))
        except OSError as error:
            raise Refused("service unavailable", 503, str(error), "unavailable") from None

    async def _document(self, request: Request) -> Response:
        return _json(document())

    async def _measured(self, request: Request) -> Response:
        if self._scrapes is None:
            self._scrapes = Scrapes(self._plant, self._live, self._sessions.users, self._role)
        if not self._has_session(request) and not await self._scrapes.may(request):
            what = "measure as a user, by Basic authentication"
            answer = _problem_answer(Problem("unauthorized", 401, what, "no-session"))
            answer.headers.update(CHALLENGE)
            return answer
        return await self._scrapes.answer(request)

    # -- sessions

    async def _session(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._begin(request)
        session = self._found(request)
        if request.method == "DELETE":
            self._sessions.end(session.key)
            ended = Response(status_code=204)
            ended.delete_cookie(self._cookie, **self._cookie_settings())
            return ended
        return _json(SessionTold(session.user, session.role))

    async def _begin(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused("unsupported media type", 415, "a login is application/json", "bad-message")
        body = await request.body()
        now_ns = self._plant.utc_ns()
        try:
            if b'"token"' in body:
                asked = msgspec.json.decode(body, type=TokenLogin)
                begun = self._sessions.begin_with_token(asked.token, asked.name, now_ns)
                why = "the token was used already or is not this plant's; a start without users prints a new one"
            else:
                begun = await self._by_password(msgspec.json.decode(body, type=UserLogin), now_ns)
                why = "user or password is not right"
        except (ValueError, RecursionError) as error:
            raise Refused("bad request", 400, str(error), "bad-message") from None
        if begun is None:
            raise Refused("unauthorized", 401, why, "login-failed")
        secret, session = begun
        answer = _json(SessionTold(session.user, session.role))
        answer.set_cookie(self._cookie, secret, max_age=IDLE_NS // 1_000_000_000, **self._cookie_settings())
        return answer

    async def _by_password(self, asked: UserLogin, now_ns: int) -> tuple[str, Session] | None:
        role = await self._role(asked.user, asked.password)
        return self._sessions.begin_with_password(asked.user, role, now_ns) if role is not None else None

    async def _role(self, user: str, password: str) -> Role | None:
        """The role of a user whose password this is; None, and remembered, where it is not."""
        now_ns = self._plant.utc_ns()
        if not self._sessions.may_try(user, now_ns) or self._checks >= CHECKS_MAX:
            raise Refused("too many requests", 429, "too many logins have failed; wait a minute", "too-many")
        self._checks += 1
        try:
            # One after the other: passwords are made to be expensive, and the plant's own work comes first.
            async with self._checking:
                role = await asyncio.to_thread(self._sessions.users.check, user, password)
        finally:
            self._checks -= 1
        if role is None:
            self._sessions.failed(user, now_ns)
        return role

    def _cookie_settings(self) -> dict[str, Any]:
        return {"path": "/", "secure": self._settings.tls, "httponly": True, "samesite": "strict"}

    def _found(self, request: HTTPConnection) -> Session:
        """The session of a request; refused where it has none."""
        session = self._sessions.find(request.cookies.get(self._cookie, "")[:200], self._plant.utc_ns())
        if session is None:
            raise Refused("unauthorized", 401, "log in first", "no-session")
        return session

    def _has_session(self, request: Request) -> bool:
        """Whether a request has a session that is still good."""
        return self._sessions.find(request.cookies.get(self._cookie, "")[:200], self._plant.utc_ns()) is not None

    # -- the WebSocket

    async def _serve_live(self, socket: WebSocket) -> None:
        try:
            session = self._found(socket)
            if self._live.full:
                raise Refused("service unavailable", 503, "too many pages are connected", "too-many")
        except (Refused, PlantctlError) as refused:
            await refuse(socket.scope, socket.send, _problem(refused))
            return
        await socket.accept()
        await self._live.serve(socket, session, socket.scope["state"]["abort"])

    # -- what every answer has

    def _told(self, answer: Answer) -> Answer:
        """The route, its refusals told as problems."""

        async def told(request: Request) -> Response:
            try:
                return await answer(request)
            except (Refused, PlantctlError) as refused:
                answered = _problem_answer(_problem(refused))
                if isinstance(refused, TooManyQuestions):
                    answered.headers["retry-after"] = str(refused.retry_s)
                return answered

        return told

    async def _nothing_there(self, request: Request, error: Exception) -> Response:
        return _problem_answer(Problem("not found", 404, "there is nothing at this address", "not-found"))

    async def _wrong_method(self, request: Request, error: Exception) -> Response:
        answer = _problem_answer(Problem("method not allowed", 405, "there is no such method here", "wrong-method"))
        answer.headers.update(getattr(error, "headers", None) or {})  # which there are
        return answer


def _whole(route: Route) -> Route:
    """A route that is not asked for the head alone: all of the answer would be made, and none of it sent."""
    (route.methods or set()).discard("HEAD")
    return route


def _unless_known(request: Request, body: bytes, kind: str, headers: dict[str, str]) -> Response:
    """The body, or word that the browser has it already."""
    known = request.headers.get("if-none-match", "").split(",")
    if headers["etag"] in [each.strip().removeprefix("W/") for each in known]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "content-type": kind})


def _json(body: Any) -> Response:
    return Response(encode(body), media_type="application/json")


def _told_past(request: Request, told: Told) -> Response:
    """The past, with word of what the form cannot say itself."""
    form = told.form
    if told.body is None:
        answer: Response = Streamed(form.pieces, form.kind, told.ended)
    else:
        answer = Response(told.body, media_type=form.kind)
    if form.ending:
        answer.headers["content-disposition"] = f'attachment; filename="history.{form.ending}"'
    if form.truncated:
        answer.headers["plantctl-truncated"] = "true"
    if form.following:
        query = urlencode({**request.query_params, "after": form.following})
        answer.headers["link"] = f'<{request.url.path}?{query}>; rel="next"'
    answer.headers["vary"] = "accept"
    return answer


def _problem(error: Refused | PlantctlError) -> Problem:
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, LabRefused):
        return lab_problem(error)
    if type(error) in PAST:
        status, title, code = PAST[type(error)]
        return Problem(title, status, str(error), code)
    return Problem("service unavailable", 503, str(error), "unavailable")


def _problem_answer(problem: Problem) -> Response:
    return Response(encode(problem), problem.status, media_type="application/problem+json")
