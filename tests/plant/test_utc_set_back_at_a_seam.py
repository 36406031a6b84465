"""UTC is set back right before a file is sealed: trends, spans and averages over the seam."""

from tests.answering_ways import Questions
from tests.days_asked import Asked
from tests.plain_history import Question
from tests.plant.recorded_days import RecordedDays, S


def test_utc_set_back_where_a_sealed_file_ends(tmp_path):
    """The next file reaches back behind it: no time counts twice, nor not at all, of fast and of resting points."""
    circuit = RecordedDays(tmp_path)
    circuit.operate()
    circuit.run(60.0)
    circuit.set_clock(-20.0)
    circuit.run(1.0)
    circuit.sealer.finish_early(circuit.recorder.durable_sequence, circuit.now_ns)
    circuit.run(90.0)
    asked = Asked(tmp_path, circuit.finish(), tags=("40-FI-4013", "40-IC-4010"))
    span = asked.first_ns // S * S, asked.last_ns // S * S + S
    kinds = (("trend", (*span, 1)), ("trend", (*span, 3)), ("average", span), ("spans", (*span, 10 * S)))
    asked.questions = [Question(kind, tag, given) for kind, given in kinds for tag in asked.plain]
    asked.ask(Questions(tmp_path))
    assert (asked.wrong, asked.count.total()) == ([], 8)
