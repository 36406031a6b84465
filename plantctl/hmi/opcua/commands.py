"""What a client asks of the plant: a write or a method becomes a command, and its outcome a status code.

It goes through the very gate of the page (`hmi.gate`): the same roles, limits, reasons, expected values and journal.
The answer waits for the scan's: good is what the plant took, never what was only passed on. Where a device has yet to
confirm, that is said (`GoodCompletesAsynchronously`).
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Final

from asyncua import ua as typed_ua

from plantctl.core import command as codes
from plantctl.core.command import Stage
from plantctl.hmi.gate import UNDER_WAY_MAX, Gate
from plantctl.hmi.messages import TEXT_LENGTH_MAX, CommandAsked, Expect, StageTold
from plantctl.hmi.opcua.session import Session
from plantctl.hmi.opcua.space import PlantSpace
from plantctl.hmi.opcua.tree import COMMANDS, METHODS, Node, Sort, Tree
from plantctl.hmi.sessions import Session as Person

ua: Any = typed_ua

VALID_MS: Final = 3_000
# The gate answers an expired command itself; this is for a gate that does not.
ANSWER_S: Final = 10.0

_BY_CODE: Final = {
    codes.NOT_IN_THIS_PLAN: "BadNotSupported",
    codes.UNKNOWN_TARGET: "BadNodeIdUnknown",
    codes.NOT_WRITABLE: "BadNotWritable",
    codes.BAD_VALUE: "BadTypeMismatch",
    codes.OUT_OF_RANGE: "BadOutOfRange",
    codes.WRONG_MODE: "BadInvalidState",
    codes.NOT_PERMITTED: "BadInvalidState",
    codes.TRIPPED: "BadInvalidState",
    codes.CAUSE_ACTIVE: "BadInvalidState",
    codes.NOT_ACTIVE: "BadInvalidState",
    codes.EXPECT_MISMATCH: "BadInvalidState",
    codes.EXPIRED: "BadTimeout",
    codes.NO_ANSWER: "BadTimeout",
    codes.TOO_MANY: "BadTooManyOperations",
    codes.NO_PERMISSION: "BadUserAccessDenied",
    codes.NO_REASON: "BadInvalidArgument",
    codes.SCAN_DEAD: "BadNoCommunication",
    codes.SCAN_REPLACED: "BadNoCommunication",
}
_REFUSED: Final = "BadRequestNotAllowed"


class Commands:
    """The way of the clients' wishes to the plant's gate."""

    def __init__(self, gate: Gate, space: PlantSpace, tree: Tree, now_ns: Callable[[], int]) -> None:
        self._gate = gate
        self._now_ns = now_ns
        self._space = space
        self._tree = tree
        self._under_way: dict[Any, int] = {}
        self._number = 0

    # -- services

    async def write(self, session: Session, wanted: Any) -> Any:
        """A value to be written; its status code."""
        node, refused = self._space.plant_node(wanted.NodeId), ua.StatusCodes
        if node is None:
            known = wanted.NodeId in self._space
            return ua.StatusCode(refused.BadNotWritable if known else refused.BadNodeIdUnknown)
        if wanted.AttributeId != ua.AttributeIds.Value or node.sort is not Sort.POINT:
            return ua.StatusCode(refused.BadNotWritable)
        write = self._tree.write(node)
        if write is None:
            return ua.StatusCode(refused.BadNotWritable)
        if wanted.IndexRange:
            return ua.StatusCode(refused.BadIndexRangeInvalid)
        status = wanted.Value.StatusCode
        if status is not None and status.value:
            # A value that is asked for is a good one, of the moment in which the scan takes it.
            return ua.StatusCode(refused.BadWriteNotSupported)
        value = _number(wanted.Value.Value)
        if value is None:
            return ua.StatusCode(refused.BadTypeMismatch)
        if not write.words:
            return (await self._give(session, write.verb, write.target, value))[0]
        if value != int(value) or not 0 <= value < len(write.words):
            return ua.StatusCode(refused.BadOutOfRange)
        return (await self._give(session, write.verb, write.target, write.words[int(value)]))[0]

    async def call(self, session: Session, wanted: Any) -> Any:
        """A method of the plant; what became of it."""
        result, refused = ua.CallMethodResult(), ua.StatusCodes
        owner, method = self._space.plant_node(wanted.ObjectId), self._space.plant_node(wanted.MethodId)
        told = METHODS.get(method.id) if method is not None else None
        if owner is None:
            result.StatusCode = ua.StatusCode(refused.BadNodeIdUnknown)
        elif method is None or told is None or method.id not in owner.children:
            result.StatusCode = ua.StatusCode(refused.BadMethodInvalid)
        else:
            await self._call(session, owner, told, wanted.InputArguments or [], result)
        return result

    async def _call(self, session: Session, owner: Node, told: Any, given: list[Any], result: Any) -> None:
        verb, _, arguments = told
        if len(given) != len(arguments):
            few = len(given) < len(arguments)
            code = ua.StatusCodes.BadArgumentsMissing if few else ua.StatusCodes.BadTooManyArguments
            result.StatusCode = ua.StatusCode(code)
            return
        values: dict[str, Any] = {}
        for (name, is_number, _), argument in zip(arguments, given, strict=True):
            value = _number(argument) if is_number else _text(argument)
            code = ua.StatusCodes.Good if value is not None else ua.StatusCodes.BadTypeMismatch
            result.InputArgumentResults.append(ua.StatusCode(code))
            values[name] = value
        if None in values.values():
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadInvalidArgument)
            return
        target = values.get("Target", owner.name if owner.id != COMMANDS else "")
        result.StatusCode, stage = await self._give(
            session, verb, target, values.get("Value"), values["Reason"], values.get("Expected", "")
        )
        result.OutputArguments = [
            ua.Variant(text, ua.VariantType.String) for text in (stage.stage, stage.code, stage.detail)
        ]

    # -- the gate

    async def _give(
        self, session: Session, verb: str, target: str, value: float | str | None, reason: str = "", expect: str = ""
    ) -> tuple[Any, StageTold]:
        """Give a command and wait for the plant's word: status code and the stage that tells it."""
        if self._under_way.get(session.session_id, 0) >= UNDER_WAY_MAX:
            told = StageTold(0, Stage.REFUSED.word, codes.TOO_MANY, "too many commands are under way", "0")
            return _status(told, last=True), told
        person = Person("", session.person, session.role)
        self._number += 1
        # In the journal a reason is a person's; without one it says where the wish came from.
        why = reason or ("" if self._gate.wants_reason(verb, target) else f"OPC UA, {session.peer}")
        asked = CommandAsked(self._number, verb, target, value, _expected(expect), why, VALID_MS)
        answered: asyncio.Future[tuple[StageTold, bool]] = asyncio.get_running_loop().create_future()

        def tell(stage: StageTold, last: bool) -> None:
            if not answered.done() and stage.stage != Stage.QUEUED.word:
                answered.set_result((stage, last))

        self._under_way[session.session_id] = self._under_way.get(session.session_id, 0) + 1
        begun_ns = self._now_ns()
        try:
            self._gate.give(asked, person, None, tell)
            async with asyncio.timeout(ANSWER_S):
                stage, last = await answered
        except TimeoutError:
            stage, last = StageTold(self._number, Stage.TIMED_OUT.word, codes.NO_ANSWER, "no answer in time", "0"), True
        finally:
            session.waited_ns += self._now_ns() - begun_ns
            self._under_way[session.session_id] -= 1
            if not self._under_way[session.session_id]:
                del self._under_way[session.session_id]
        return _status(stage, last=last), stage


def _status(stage: StageTold, *, last: bool) -> Any:
    if stage.stage in (Stage.ACCEPTED.word, Stage.SENT.word, Stage.VERIFIED.word):
        good = ua.StatusCodes.Good if last else ua.StatusCodes.GoodCompletesAsynchronously
        return ua.StatusCode(good)
    return ua.StatusCode(getattr(ua.StatusCodes, _BY_CODE.get(stage.code, _REFUSED)))


def _number(variant: Any) -> float | None:
    """A single number or boolean; None for everything else."""
    value = variant.Value if isinstance(variant, typed_ua.Variant) else None
    if isinstance(value, bool | int | float) and math.isfinite(value) and abs(value) < 2.0**1000:
        return float(value)
    return None


def _text(variant: Any) -> str | None:
    """A single text, as long as the page's may be; None for everything else."""
    value = variant.Value if isinstance(variant, typed_ua.Variant) else None
    if value is None and isinstance(variant, typed_ua.Variant) and variant.VariantType == ua.VariantType.String:
        return ""
    return value if isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX else None


def _expected(text: str) -> Expect | None:
    """What the target is thought to be, as a client writes it: a number, a word, or nothing."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return Expect(text)
    return Expect(number if math.isfinite(number) else None)
