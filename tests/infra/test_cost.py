"""The page of costs, against the calls that photos make and the capacity that they consume."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra import cost
from infra.prices import usd
from lambdas import catalog
from tests.infra.conftest import Template
from tests.infra.in_memory_account import deployed
from tests.infra.scenarios import Scenarios
from workflow.inspections.verdict import Verdict

pytestmark = pytest.mark.xdist_group("synthesised")

PHOTOS = 4
OBJECT_WRITES, OBJECT_READS = ("PutObject", "CopyObject"), ("GetObject", "HeadObject")
Usage = dict[str, float]


def inspect_parked(scenarios: Scenarios, key: str) -> None:
    document = scenarios.start(scenarios.upload(key))
    scenarios.claim(document)
    scenarios.stage.model.refusal = "ResourceNotReadyException"
    scenarios.park({**document, "detection": scenarios.detect(document)})
    scenarios.stage.model.refusal = ""
    scenarios.detect(document)
    scenarios.move(document, "ok")
    scenarios.close(document)


def review(scenarios: Scenarios, key: str) -> None:
    document = scenarios.open_review(key)
    scenarios.decide(document, Verdict.OK)
    scenarios.deliver(document["inspection_id"])
    scenarios.move(document, "reviewed")
    scenarios.close(document)


@pytest.fixture(scope="module")
def usages(synthesised: Template) -> Iterator[dict[str, Usage]]:
    """Return what a photo uses, as a mean: one with a clear verdict, a reviewed one, and a parked one."""
    with deployed(synthesised.resources) as stage:
        scenarios = Scenarios(stage)

        def measure(folder: str, inspect: Callable[[Scenarios, str], Any]) -> Usage:
            calls, units = stage.calls.copy(), dict(stage.capacity.units)
            for number in range(PHOTOS):
                inspect(scenarios, f"{folder}/cast_{number:04}.jpeg")
                stage.call(catalog.ARCHIVE_EXECUTIONS, {})
            made = stage.calls - calls
            used = {name: stage.capacity.units[name] - before for name, before in units.items()}
            used["function call"] = made["call"] - PHOTOS  # The scheduled function is part of an idle stage.
            used["object write"] = sum(made[f"s3.{name}"] for name in OBJECT_WRITES)
            used["object read"] = sum(made[f"s3.{name}"] for name in OBJECT_READS)
            return {name: amount / PHOTOS for name, amount in used.items()}

        folder = cost.SAMPLE_KEY.rpartition("/")[0]
        measure("warm", Scenarios.inspect)  # The first photos of a camera have fewer neighbours.
        yield {
            "clear": measure(folder, Scenarios.inspect),
            "reviewed": measure(folder.replace("30", "29"), review),
            "parked": measure(folder.replace("30", "28"), inspect_parked),
        }


def dollars(usage: Usage, *more: tuple[str, float]) -> float:
    """Return the cost of a thousand photos with this usage."""
    return 1000 * sum(usd(name, amount) for name, amount in (*usage.items(), *more))


def test_the_cost_of_photos_is_within_a_tenth_of_what_recorded_calls_add_up_to(
    usages: dict[str, Usage],
) -> None:
    share, clear, reviewed = cost.UNCLEAR_SHARE, usages["clear"], usages["reviewed"]
    recorded = dollars(
        {name: amount + share * (reviewed[name] - amount) for name, amount in clear.items()},
        ("transition", cost.TRANSITIONS + share * cost.REVIEW_TRANSITIONS),
        ("function second", cost.GB_SECONDS),
        *(("log", cost.LOG_KB / 1e6), ("trace", 1), ("message", cost.MESSAGES), ("event", 1)),
    )

    assert cost.total(cost.cost_of_thousand_photos()) == pytest.approx(recorded, rel=0.1)
    for unit, stated in (("table write", cost.WRITE_UNITS), ("table read", cost.READ_UNITS)):
        assert stated == pytest.approx(clear[unit], rel=0.1), unit
    assert pytest.approx(reviewed["table write"] - clear["table write"], rel=0.1) == cost.REVIEW_WRITE_UNITS
    assert reviewed["function call"] - clear["function call"] == cost.REVIEW_FUNCTION_CALLS


def test_the_cost_of_waiting_is_within_a_tenth_of_what_recorded_calls_add_up_to(
    usages: dict[str, Usage],
) -> None:
    more = {name: amount - usages["clear"][name] for name, amount in usages["parked"].items()}
    recorded = dollars(more, ("transition", cost.WAIT_TRANSITIONS), ("function second", cost.WAIT_GB_SECONDS))

    assert cost.cost_of_waiting_thousand_photos() == pytest.approx(recorded, rel=0.1)
    assert pytest.approx(more["table write"], rel=0.1) == cost.WAIT_WRITE_UNITS
