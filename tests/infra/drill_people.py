"""What people ask of a line: every page of the review app and every wish that only the line may fulfil."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import httpx2
import pytest

from lambdas import catalog, obey_commands
from review_app.ports import on_aws
from review_app.settings import LINE
from tests.infra.drill import Drill
from tests.infra.stand_ins import MODEL
from tests.unit.lambdas.test_queues_and_clock import batch
from tests.web.serving import running, visitor

PAGES = (
    *("/", "/review", "/review/next?wanted=2", "/review/strip", "/held", "/disagreements"),
    *("/audit", "/audit.csv", "/dashboard", "/executions.csv", "/executions.json"),
    *("/executions", "/executions?status=failed", "/executions?status=waiting", "/executions?q=cle"),
    *("/executions?verdict=unclear", "/executions?by=ann", f"/executions?model={MODEL}"),
    "/executions?policy=1",
)
CONTAINED: tuple[dict[str, str], ...] = (
    *({"model": MODEL}, {"policy": "1"}),
    *({"model": MODEL, "verdict": "rejected"}, {"policy": "1", "q": "clear"}),
)


def live(drill: Drill) -> None:
    """Everything that people can do, on what a drill left behind."""
    with _app(drill) as (ann, eva):
        _reviews(drill, ann, eva)
        _wishes(drill, eva)
        for address in PAGES:
            _well(eva.get(address))
        closed = drill.judged("looked at.png")
        _well(eva.get(f"/executions/{closed['execution']}?step=2&logs=yes"))
        _well(eva.get(f"/executions/{closed['execution']}/export.json"), 404)
        _well(eva.get(f"/inspections/{closed['inspection_id']}"))
        _well(eva.get(f"/photos/{closed['inspection_id']}/original"))
        how = {"verdict": "defect", "reason": "a complaint"}
        _well(eva.post(f"/inspections/{closed['inspection_id']}/correct", data=how))


@contextmanager
def _app(drill: Drill) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """The app with the settings of its environment in the template, a reviewer and an engineer in it."""
    account = drill.stage.account
    [site] = [
        one for one in account.resources.values() if one["Type"] == "AWS::ElasticBeanstalk::Environment"
    ]
    options = {one["OptionName"]: one["Value"] for one in site["Properties"]["OptionSettings"]}
    with drill.stage.acting(account.named("IAM::Role", "ReviewSiteRole")):
        ports = on_aws({name: account.value(options[name]) for name in LINE})
        with (
            running(SimpleNamespace(ports=ports), undo_seconds=0) as address,  # type: ignore[arg-type]
            visitor(address, "ann") as ann,
            visitor(address, "eva", "engineer") as eva,
        ):
            yield ann, eva


def _reviews(drill: Drill, ann: httpx2.Client, eva: httpx2.Client) -> None:
    """A photo is looked at, put aside, taken back, decided; another comes straight from the camera."""
    told = [drill.waiting(f"to review {number}.png") for number in range(3)]
    _well(ann.get("/review"))
    first, second, third = (one["inspection_id"] for one in told)
    _well(ann.get(f"/photos/{first}/review"))
    _well(ann.post(f"/review/{second}/skip"))
    _well(ann.post(f"/review/{third}/hold", data={"comment": "look again"}))
    _well(eva.post(f"/held/{third}/put-back"))
    _well(ann.post(f"/review/{first}/decide", data={"verdict": "ok"}))
    fresh = drill.start(drill.upload("just arrived.png"))
    _well(eva.get(f"/photos/{fresh['inspection_id']}/original"))


def _wishes(drill: Drill, eva: httpx2.Client) -> None:
    """Start again, stop, judge anew: by the photo, and by what settled it."""
    keys = ("failed, too.png", "forgotten.png", "runs.png")
    failed, forgotten, stopped = (drill.start(drill.upload(key)) for key in keys)
    drill.stage.executions.status[failed["execution"]] = "FAILED"
    del drill.stage.executions.status[forgotten["execution"]]
    closed = drill.judged("judged.png")
    wishes = {"redrive": (failed, forgotten), "stop": (stopped,), "inspect again": (closed,)}
    for kind, told in wishes.items():
        ids = " ".join(one["inspection_id"] for one in told)
        _well(eva.post("/commands", data={"kind": kind, "ids": ids, "reason": "asked for"}))
    for filters in CONTAINED:
        _well(eva.post("/commands/contain", data={**filters, "status": "closed", "reason": "escapes"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(obey_commands, "time", SimpleNamespace(sleep=lambda _: None))
        drill.stage.call(catalog.OBEY_COMMANDS, batch("a hint"))


def _well(answer: httpx2.Response, status: int = 200) -> None:
    assert answer.status_code in (status, 303, 204), f"{answer.request.url}: {answer.text[:500]}"
