"""What waits for one client: nothing that must arrive is left out, and nothing grows for ever."""

import json

from plantctl.hmi.outbox import DELTAS_WAITING_MAX, MESSAGES_WAITING_MAX, Outbox


class Plant:
    sequence = 0

    def snap(self):
        return self.sequence, json.dumps({"type": "snap", "seq": self.sequence})


def sent(outbox):
    found = []
    while texts := outbox.take():
        found += [json.loads(text) for text in texts]
    return found


def delta(outbox, plant):
    plant.sequence += 1
    outbox.delta(plant.sequence, json.dumps({"type": "delta", "seq": plant.sequence}))


def test_a_client_that_keeps_up_gets_every_delta():
    plant = Plant()
    outbox = Outbox(plant.snap)
    for _ in range(3 * DELTAS_WAITING_MAX):
        delta(outbox, plant)
        assert [m["seq"] for m in sent(outbox)] == [plant.sequence]
    assert outbox.gaps == 0


def test_too_many_deltas_give_way_to_one_gap_and_the_newest_values_while_events_stay():
    plant = Plant()
    outbox = Outbox(plant.snap)
    delta(outbox, plant)
    assert len(sent(outbox)) == 1
    outbox.put('{"type": "event"}')
    for _ in range(5 * DELTAS_WAITING_MAX):
        delta(outbox, plant)
    outbox.put('{"type": "stage"}')
    outbox.sign_of_life('{"type": "hb", "n": 1}')
    outbox.sign_of_life('{"type": "hb", "n": 2}')
    told = sent(outbox)
    assert [m["type"] for m in told] == ["event", "stage", "gap", "snap", "hb"]
    assert told[2] == {"type": "gap", "from": 2, "to": plant.sequence, "why": "slow-client"}
    assert (told[3]["seq"], told[4]["n"]) == (plant.sequence, 2)
    delta(outbox, plant)
    assert [m["seq"] for m in sent(outbox)] == [plant.sequence]


def test_what_must_arrive_and_piles_up_is_too_much():
    outbox = Outbox(Plant().snap)
    for _ in range(MESSAGES_WAITING_MAX):
        outbox.put("{}")
    assert not outbox.too_slow
    outbox.put("{}")
    assert outbox.too_slow


def test_another_subscription_forgets_the_deltas_of_the_earlier_one():
    plant = Plant()
    outbox = Outbox(plant.snap)
    delta(outbox, plant)
    outbox.put('{"type": "stage"}')
    outbox.forget()
    assert [m["type"] for m in sent(outbox)] == ["stage"]
    assert len(outbox) == 0
