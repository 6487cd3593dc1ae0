"""What a line costs, idle and at work: `python -m infra.cost` writes docs/cost.md."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from infra.prices import HOURS_A_MONTH, PRICES, usd
from lambdas.catalog import FUNCTIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cost.md"
TEMPLATE = Path(__file__).with_name("cost.md.template")
AWS = "https://aws.amazon.com"
PHOTO_MB, UNCLEAR_SHARE = 1.0, 0.05
PHOTOS_A_SECOND_AND_UNIT = 4
VOLUMES = (10_000, 100_000, 1_000_000)
SHIFT_HOURS = 8 * 22
BATCHES, HOURS_AROUND_A_BATCH = 22, 1.5  # Half an hour to start, an hour until an idle model is stopped.
# What one photo asks for on its way to a verdict; states are counted along the path without a person.
TRANSITIONS, CALLS, GB_SECONDS = 9, 5, 1.1
WRITES, READS, MESSAGES = 24, 9, 7  # A write counts once for the row, and once for each index it changes.
OBJECT_WRITES, OBJECT_READS, LOG_KB, ROW_KB = 2, 3, 6, 4
REVIEW_TRANSITIONS, REVIEW_CALLS, REVIEW_WRITES = 3, 4, 14
ALARM_METRICS, OWN_METRICS = 34, 22
REVIEW_APP_DISK_GB = 10


@dataclass(frozen=True, slots=True)
class Item:
    """A part of the bill."""

    what: str
    dollars: float


def a_thousand_photos() -> list[Item]:
    """Without the model: what a thousand photos of a megabyte cost, once."""
    people = UNCLEAR_SHARE
    one = {
        "Step Functions": usd("transition", TRANSITIONS + people * REVIEW_TRANSITIONS),
        "DynamoDB": usd("table write", WRITES + people * REVIEW_WRITES) + usd("table read", READS),
        "Lambda": usd("function second", GB_SECONDS) + usd("function call", CALLS + people * REVIEW_CALLS),
        "S3 requests": usd("object write", OBJECT_WRITES) + usd("object read", OBJECT_READS),
        "Logs and traces": usd("log", LOG_KB / 1e6) + usd("trace", 1),
        "SQS and EventBridge": usd("message", MESSAGES) + usd("event", 1),
    }
    return [Item(what, 1000 * dollars) for what, dollars in one.items()]


def kept_a_month(photos: int) -> Item:
    """Storing photos and rows for their first months."""
    gigabytes = photos * PHOTO_MB / 1000
    rows = photos * ROW_KB / 1e6
    return Item("Keeping them, each month", usd("storage", gigabytes) + usd("table storage", rows))


def idle(review_app: bool) -> list[Item]:
    """A month in which nobody uploads anything and no model runs."""
    minutes = HOURS_A_MONTH * 60
    runs = sum(minutes / one.schedule_minutes for one in FUNCTIONS if one.schedule_minutes)
    found = [
        Item(
            "Alarms, own metrics, the dashboard",
            usd("alarm", ALARM_METRICS) + usd("metric", OWN_METRICS) + usd("dashboard", 1),
        ),
        Item(
            "What runs by the clock",
            usd("function call", runs) + usd("function second", runs * 0.25) + usd("table read", runs * 3),
        ),
    ]
    if review_app:
        hourly = usd("machine", 1) + usd("balancer", 1) + usd("address", 3)
        monthly = usd("disk", REVIEW_APP_DISK_GB) + usd("secret", 2)
        found.append(Item("Review app on Elastic Beanstalk", hourly * HOURS_A_MONTH + monthly))
    return found


def model_hours(photos: int) -> Mapping[str, float]:
    """Hours that a model runs in a month, by how it is run; one unit as long as one can do the work."""
    working = photos / (PHOTOS_A_SECOND_AND_UNIT * 3600)
    return {
        "always on": max(HOURS_A_MONTH, working),
        "in one shift": max(SHIFT_HOURS, working),
        "a batch a day": working + BATCHES * HOURS_AROUND_A_BATCH,
    }


def review_targets() -> list[Item]:
    """Where else the review app could run, for a month."""
    served = usd("balancer", HOURS_A_MONTH)
    half = usd("container CPU", 0.5) + usd("container memory", 1) + usd("address", 3)
    calls = 200_000  # Ten people, a working day each, a page or a photo every few seconds.
    return [
        Item("Elastic Beanstalk, one t4g.small (chosen)", idle(True)[-1].dollars),
        Item("ECS on Fargate, half a vCPU, 1 GB", served + half * HOURS_A_MONTH + usd("secret", 2)),
        Item(
            "Lambda behind a function URL",
            usd("function call", calls) + usd("function second", calls * 0.25) + usd("secret", 2),
        ),
    ]


def total(items: Sequence[Item]) -> float:
    """The sum of a bill's parts."""
    return sum(item.dollars for item in items)


def page() -> str:
    """docs/cost.md."""
    photos = a_thousand_photos()
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        model=f"{PRICES['model'].usd:.0f}",
        photos=f"{total(photos):.2f}",
        idle=f"{total(idle(False)):.0f}",
        idle_with_app=f"{total(idle(True)):.0f}",
        photo_mb=f"{PHOTO_MB:.0f}",
        unclear=f"{UNCLEAR_SHARE:.0%}",
        speed=PHOTOS_A_SECOND_AND_UNIT,
        thousand=_bill("US$", photos, 3),
        months=_months(),
        targets=_table(("", "US$ a month"), [(one.what, f"{one.dollars:.0f}") for one in review_targets()]),
        alternatives=_alternatives(),
        prices=_table(
            ("for each", "US$", "page of AWS", "read in the list of"),
            [
                (one.unit, _precise(one.usd), f"[{one.page.title}]({AWS}/{one.page.path}/)", one.read or "–")
                for one in PRICES.values()
            ],
        ),
    )


def _months() -> str:
    rows = []
    for photos in VOLUMES:
        rest = total(a_thousand_photos()) * photos / 1000 + kept_a_month(photos).dollars + total(idle(True))
        for how, hours in model_hours(photos).items():
            model = usd("model", hours)
            share = model / (model + rest)
            rows.append(
                (
                    f"{photos:,}",
                    how,
                    f"{hours:,.0f}",
                    f"{model:,.0f}",
                    f"{rest:,.0f}",
                    f"{model + rest:,.0f}",
                    f"{share:.0%}",
                    f"{(model + rest) / photos * 1000:,.2f}",
                )
            )
    titles = (
        "photos",
        "the model runs",
        "hours",
        "model",
        "rest",
        "together",
        "model's share",
        "for 1,000 photos",
    )
    return _table(titles, rows)


def _alternatives() -> str:
    standard = 1000 * usd("transition", TRANSITIONS)
    direct = total(a_thousand_photos()) - standard
    rows = [
        (
            "Step Functions Standard (chosen)",
            f"{standard:.3f}",
            "history, redrive, waits of days with a token",
        ),
        (
            "Step Functions Express",
            f"{1000 * (1e-6 + 5 * 0.0625 * 1.667e-5):.3f}",
            "no token waits, five minutes at most: people could not decide",
        ),
        (
            "functions chained by queues",
            "0.003",
            f"everything else stays ({direct:.3f}); no history, own retries",
        ),
    ]
    return _table(("what moves a photo on", "US$ for 1,000 photos", "and"), rows)


def _bill(title: str, items: Sequence[Item], digits: int) -> str:
    rows = [(item.what, f"{item.dollars:.{digits}f}") for item in items]
    return _table(("", title), [*rows, ("**Together**", f"**{total(items):.{digits}f}**")])


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(row) for row in (titles, *rows)]
    return "\n".join((f"| {lines[0]} |", "|---" * len(titles) + "|", *(f"| {line} |" for line in lines[1:])))


def _precise(dollars: float) -> str:
    return f"{dollars:.10f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
