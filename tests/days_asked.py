"""What was recorded asked in every way, and each answer compared with the plain opinion: what does not agree, in words.

Used on minutes by tests, on seven days by `benchmarks/campaigns/seven_days.py`.
"""

from collections import Counter
from contextlib import contextmanager
from random import Random

from plantctl.history.files.sealed import open_sealed, sealed_ranges
from plantctl.log.storage import ReadOnlyFolder
from tests import opcua_bench, page_bench
from tests.answering_servers import Http, OpcUa
from tests.answering_ways import Frames, Pages, Questions, Verb, opened, said
from tests.gateway_bench import demo_plan
from tests.plain_history import Plain, differs, questions

COLUMNS = ("polars", "pandas", "arrow")


class Asked:
    """A record at `place` of which `truth` is known; what disagreed, and how often each way was asked."""

    def __init__(self, place, truth, seed=1, tags=None):
        self.place, self.wrong, self.count = place, [], Counter()
        history = opened(place)
        self.first_ns, self.last_ns = history.extent_ns()
        sealed = ReadOnlyFolder(place / "history")
        seams = [open_sealed(sealed, each).head.high_ns for each in sealed_ranges(sealed.names())]
        trimmed = sealed_ranges(sealed.names())[0].first_sequence > 1
        draw = Random(seed)
        self.plain, self.questions = {}, []
        for tag in tags or truth:
            points, unit = truth[tag], history.names.point(tag).unit
            self.plain[tag] = Plain(points.copy(), unit, self.first_ns, self.last_ns, trimmed)
            here = self.plain[tag].points
            self.questions += questions(tag, unit, here, seams, self.first_ns, self.last_ns, draw)
        self._right = {}

    def right(self, question):
        """The plain answer, worked out once."""
        if question not in self._right:
            self._right[question] = self.plain[question.tag].ask(question)
        return self._right[question]

    @contextmanager
    def nothing_wrong(self):
        """What is asked inside is asked for itself: some of it, and nothing that disagrees."""
        self.wrong.clear()
        self.count.clear()
        yield
        assert self.wrong[:5] == []
        assert self.count.total() > 5

    def judge(self, way, question, found):
        right = self.right(question)
        if hasattr(way, "right"):
            right = way.right(question, right)
        if hasattr(way, "differs"):
            why = way.differs(question, found, self.plain[question.tag])
            if why is None:
                return
        else:
            why = differs(found, right, way.step_ns)
        self.count[f"{way.name}: {question.kind}"] += 1
        if why:
            self.wrong.append(f"{way.name}: {question}: {why}")

    def ask(self, *ways, every=1):
        """Ask ways of this process; of some only each `every`-th question."""
        for way in ways:
            for question in [q for q in self.questions if q.kind in way.offers][::every]:
                self.judge(way, question, way.ask(question))

    async def ask_far(self, way, every=1):
        """Ask a way over a network."""
        for question in [q for q in self.questions if q.kind in way.offers][::every]:
            self.judge(way, question, await way.ask(question))

    # -- all ways

    def ask_python(self, limit=777, every=1):
        self.ask(Questions(self.place), Pages(self.place, limit), every=every)

    def ask_verbs(self, folder, endings=(), every=1):
        self.ask(*(Verb(self.place, form, folder) for form in ("--json", "--csv", *endings)), every=every)

    def ask_frames(self, kinds=COLUMNS, every=1):
        self.ask(*(Frames(self.place, to) for to in kinds), every=every)

    def ask_http(self, forms, every=1):
        """Over a gateway that is served from the place itself."""

        async def situation(page):
            await page.log_in()
            for form in forms:
                await self.ask_far(Http(page, form), every)

        page_bench.served(demo_plan(), self.place, situation)

    def ask_restored(self, folder, every=1):
        """A backup of the place, restored into another folder: the same questions there."""
        said("backup", str(self.place), str(folder / "days.tar"))
        said("restore", str(folder / "days.tar"), "--state", str(folder / "state"), "--plant", "days")
        for way in (Questions, Pages):
            restored = way(folder / "state" / "days")
            restored.name += " of the restored backup"
            self.ask(restored, every=every)

    def ask_opcua(self, every=1):
        async def situation(plant):
            async with plant.connected() as client:
                await self.ask_far(OpcUa(plant, client), every)

        opcua_bench.served(demo_plan(), self.place, situation)
