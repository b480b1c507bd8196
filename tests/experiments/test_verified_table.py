"""The measurement of verified generation: what it asks for, and that it counts what it says."""

from __future__ import annotations

import pytest
from echo_bundle import EchoBundle, echo_bundle
from scripted_backend import ScriptedBackend

from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr, unseen_values
from d2t.mr.plans import parse_plan
from experiments.verified.__main__ import invented_requests, measure

DOMAIN = load_domain("restaurant")


@pytest.fixture(scope="module")
def bundle() -> EchoBundle:
    return echo_bundle()


def test_invented_requests_are_new_and_reproducible() -> None:
    requests = invented_requests(DOMAIN, 200, 7)
    assert requests == invented_requests(DOMAIN, 200, 7)
    assert requests != invented_requests(DOMAIN, 200, 8)
    assert len({request.mr.key() for request in requests}) > 190
    known = {slot.name: set(slot.values) for slot in DOMAIN.slots}
    for request in requests:
        assert 3 <= len(request.mr.slots) <= len(DOMAIN.slots)
        assert request.plan is not None
        assert sorted(request.plan.slots) == sorted(request.mr.slots)
        for slot in request.mr.slots:
            if DOMAIN.slot(slot.name).kind == "open":
                assert slot.value not in known[slot.name]
    unseen = {s.name for request in requests for s in unseen_values(request.mr, DOMAIN)}
    assert unseen == {"food", "customer rating", "priceRange", "area", "eatType"}


def test_what_becomes_of_each_request_is_counted(bundle: EchoBundle) -> None:
    """Said at once, repaired by a beam, failed; and a name whose letters are changed."""
    mr = parse_mr("name[Aromi], food[Uyghur]", bundle.domain)
    plans = ("name,food", "food,name")
    requests = [GenerationRequest(p, mr, parse_plan(p, mr, bundle.domain)) for p in plans]

    def greedy(source: str) -> list[str]:
        return ["<val:name> serves <val:food> food."] if source.startswith("<slot:name>") else ["?"]

    def beams(source: str) -> list[str]:
        return ["<val:food> food is served at <val:name>."]

    scripts = {"greedy": greedy, "beams": beams}
    found = measure(
        ModelGenerator(bundle, backend=ScriptedBackend(bundle.tokenizer, scripts)), requests
    )
    counts = found.as_dict()
    assert (counts["requests"], counts["greedy_ok"]) == (2, 50.0)
    assert counts["by_stage"] == {"ok": 1, "reranked": 1}
    assert (counts["ok_or_repaired"], counts["ser_of_returned"]) == (100.0, 0.0)
    assert (counts["out_of_order"], counts["not_letter_for_letter"]) == (0, 0)

    mute = ScriptedBackend(bundle.tokenizer, {"greedy": lambda _: ["?"]})
    none = measure(ModelGenerator(bundle, backend=mute), requests).as_dict()
    assert none["by_stage"] == {"failed": 2}
    assert none["ok_or_repaired"] == 0.0
    assert len(none["failed"]) == 2
