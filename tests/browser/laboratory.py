"""The laboratory of the scripted circuit: a real desk over a real scan and a log in memory, so that the page hears the
plant's own words. It is made when it is first asked for.
"""

import math
import time

from starlette.responses import Response

from plantctl.core.quality import NOT_YET
from plantctl.hmi.api import _problem_answer
from plantctl.hmi.describe.laboratory import laboratory
from plantctl.hmi.lab_desk import LabRefused
from plantctl.hmi.lab_route import LabRoute, lab_problem
from plantctl.hmi.sessions import Session
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from tests.lab_bench import LabPlant

TWO, ONE = "40-AY-4218", "40-AY-4230"
TEXT = f"""
plant: {{name: Lab}}
tags:
  {TWO}: {{service: rare earth left in the mother liquor, unit: mg/L, range: [0, 5000],
    lab: {{method: ICP-OES, limits: [0 mg/L, 100 mg/L], signatures: two}}}}
  {ONE}: {{service: free acid in the feed, unit: mol/L, range: [0, 2], lab: {{limits: [0.5 mol/L, 0.7 mol/L]}}}}
"""
VALUES = {TWO: math.nan, ONE: math.nan}
QUALITY = dict.fromkeys(VALUES, int(NOT_YET))
PLAN = build("plant.yaml", from_texts({"plant.yaml": TEXT})).plan
LABORATORY = laboratory(PLAN)


class Laboratory(LabPlant):
    """The desk's plant by the machine's own clock."""

    TEXT = TEXT

    def utc_ns(self):
        return time.time_ns()


def tags():
    """Its tags, as a description has them."""
    empty = {"device": None, "item": None, "write": None, "indicator": None, "states": None, "kind": "input"}
    points = {point.name: point for point in PLAN.points}
    decimals = {TWO: 0, ONE: 2}
    return [
        {"tag": tag, "text": points[tag].text, "unit": points[tag].unit, "decimals": decimals[tag]}
        | {"low": points[tag].low, "high": points[tag].high}
        | empty
        for tag in VALUES
    ]


class Desk:
    """What the gateway answers at `/api/v1/lab`, and what the plant makes of it."""

    def __init__(self):
        self._plant = None

    async def answer(self, request, gateway):
        self._plant = self._plant or Laboratory()
        plant = self._plant
        route = LabRoute(lambda: plant.desk, plant.monotonic_ns)
        session = Session.__new__(Session)
        object.__setattr__(session, "user", gateway.person)
        object.__setattr__(session, "role", gateway.role)
        try:
            answer = await route.answer(request, session)
        except LabRefused as refused:
            return _problem_answer(lab_problem(refused))
        if request.method == "POST":
            plant.give([])
            for tag in VALUES:
                row = plant.plan.rows[tag]
                gateway.set(tag, float(plant.executive.image.v[row]), int(plant.executive.image.q[row]))
            await gateway.event(kind="command", target=plant.said[-1].target, actor=plant.said[-1].actor, text="late")
        return Response(answer.body, media_type="application/json")
