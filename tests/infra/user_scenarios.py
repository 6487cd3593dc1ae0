"""Scenarios of users: every page of the review app, and every command that the functions execute."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import httpx2
import pytest

from lambdas import catalog, process_commands
from review_app.container import build_container
from review_app.settings import RESOURCE_VARIABLES
from tests.infra.fake_services import MODEL
from tests.infra.scenarios import Scenarios
from tests.unit.lambdas.test_triggered_functions import batch
from tests.web.serving import running, visitor

PAGES = (
    *(
        "/",
        "/review",
        "/review/next?wanted=2",
        "/review/strip",
        "/on-hold",
        "/disagreements",
        "/second-reviews",
    ),
    *("/audit", "/audit.csv", "/dashboard", "/cameras", "/executions.csv", "/executions.json"),
    *("/executions", "/executions?status=failed", "/executions?status=waiting", "/executions?q=cle"),
    *("/executions?verdict=unclear", "/executions?by=ann", f"/executions?model={MODEL}"),
    "/executions?policy=1",
)
REINSPECTED_FILTERS: tuple[dict[str, str], ...] = (
    *({"model": MODEL}, {"policy": "1"}),
    *({"model": MODEL, "verdict": "rejected"}, {"policy": "1", "q": "clear"}),
)


def run_all(scenarios: Scenarios) -> None:
    """Run everything that users can do, on the inspections of the other scenarios."""
    with _app(scenarios) as (ann, eva):
        _review(scenarios, ann, eva)
        _submit_commands(scenarios, eva)
        for address in PAGES:
            _expect(eva.get(address))
        closed = scenarios.inspect("looked at.png")
        _expect(eva.get(f"/executions/{closed['execution']}"))
        _expect(eva.get(f"/executions/{scenarios.archived}&logs=yes"))
        _expect(eva.get(f"/executions/{closed['execution']}/export.json"), 404)
        _expect(eva.get(f"/inspections/{closed['inspection_id']}"))
        _expect(eva.get(f"/photos/{closed['inspection_id']}/original"))
        form = {"verdict": "defect", "reason": "a complaint"}
        _expect(eva.post(f"/inspections/{closed['inspection_id']}/override", data=form))


@contextmanager
def _app(scenarios: Scenarios) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """Run the app with the template's settings. Yield a reviewer's and an engineer's client."""
    account = scenarios.stage.account
    [environment] = [
        resource
        for resource in account.resources.values()
        if resource["Type"] == "AWS::ElasticBeanstalk::Environment"
    ]
    options = {
        option["OptionName"]: option["Value"] for option in environment["Properties"]["OptionSettings"]
    }
    with scenarios.stage.acting_as(account.find_logical_id("IAM::Role", "ReviewAppRole")):
        container = build_container({name: account.value(options[name]) for name in RESOURCE_VARIABLES})
        with (
            running(SimpleNamespace(container=container), undo_seconds=0) as address,  # type: ignore[arg-type]
            visitor(address, "ann") as ann,
            visitor(address, "eva", "engineer") as eva,
        ):
            yield ann, eva


def _review(scenarios: Scenarios, ann: httpx2.Client, eva: httpx2.Client) -> None:
    """View, skip, hold, release and decide photos. View a photo that has just arrived."""
    documents = [scenarios.open_review(f"to review {number}.png") for number in range(3)]
    _expect(ann.get("/review"))
    first, second, third = (document["inspection_id"] for document in documents)
    _expect(ann.get(f"/photos/{first}/review"))
    _expect(ann.post(f"/review/{second}/skip"))
    _expect(ann.post(f"/review/{third}/hold", data={"comment": "look again"}))
    _expect(eva.post(f"/on-hold/{third}/release"))
    _expect(ann.post(f"/review/{first}/decide", data={"verdict": "ok"}))
    fresh = scenarios.start(scenarios.upload("just arrived.png"))
    _expect(eva.get(f"/photos/{fresh['inspection_id']}/original"))


def _submit_commands(scenarios: Scenarios, eva: httpx2.Client) -> None:
    """Submit redrive, stop and reinspect commands, by inspection ids and by filters."""
    keys = ("failed, too.png", "forgotten.png", "runs.png")
    failed, forgotten, stopped = (scenarios.start(scenarios.upload(key)) for key in keys)
    scenarios.stage.executions.statuses[failed["execution"]] = "FAILED"
    del scenarios.stage.executions.statuses[forgotten["execution"]]
    closed = scenarios.inspect("judged.png")
    commands = {"redrive": (failed, forgotten), "stop": (stopped,), "reinspect": (closed,)}
    for kind, documents in commands.items():
        ids = " ".join(document["inspection_id"] for document in documents)
        _expect(eva.post("/commands", data={"kind": kind, "ids": ids, "reason": "asked for"}))
    for filters in REINSPECTED_FILTERS:
        _expect(eva.post("/commands/reinspect", data={**filters, "status": "closed", "reason": "escapes"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_commands, "time", SimpleNamespace(sleep=lambda _: None))
        scenarios.stage.call(catalog.PROCESS_COMMANDS, batch("a hint"))


def _expect(answer: httpx2.Response, status: int = 200) -> None:
    assert answer.status_code in (status, 303, 204), f"{answer.request.url}: {answer.text[:500]}"
