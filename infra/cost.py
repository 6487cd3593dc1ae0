"""Cost estimates of a stage, idle and under load. `python -m infra.cost` writes docs/cost.md."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from infra.prices import HOURS_PER_MONTH, MILLION, PRICES, usd
from lambdas.catalog import FUNCTIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cost.md"
TEMPLATE = Path(__file__).with_name("cost.md.template")
AWS = "https://aws.amazon.com"
PHOTO_MB, UNCLEAR_SHARE = 1.0, 0.05
PHOTOS_PER_SECOND_PER_UNIT = 4
VOLUMES = (10_000, 100_000, 1_000_000)
SHIFT_HOURS = 8 * 22
BATCH = "a batch a day"
BATCHES, HOURS_AROUND_A_BATCH = 22, 1.5  # Half an hour to start, an hour until an idle model is stopped.
# Requests of one photo on its way to a verdict. Transitions are those of the path without a review.
TRANSITIONS, FUNCTION_CALLS = 9, 5
# Measuring a photo of a megapixel at 1 GB, of its path and of a cold start for each hundred photos.
MEASURING_GB_SECONDS, MEASURING_START_GB_SECONDS = 0.02, 0.15
# `detect_labels` waits for the model at 1 GB instead of 256 MB, so that it can load an own model.
DETECTING_GB_SECONDS = 0.66
GB_SECONDS = 1.1 + DETECTING_GB_SECONDS + MEASURING_GB_SECONDS + MEASURING_START_GB_SECONDS / 100
# Judging a colour PNG of a megapixel with an own model at 1 GB, and loading it for each hundred photos.
OWN_MODEL_GB_SECONDS, OWN_MODEL_START_GB_SECONDS = 0.05, 0.15
READ_UNITS, MESSAGES = 11, 7
# A write takes a unit for each KB of the item, and of its entry in each index that it changes. The name
# index gets an entry for each word and digit of the name and at most eight for the folders, as SAMPLE_KEY.
# A test compares these figures with the calls of photos and the sizes of their items.
SAMPLE_KEY, NAME_WRITES, MAX_NAME_WRITES = "line-2/2026-11-30/cast_0042.jpeg", 11, 40
WRITE_UNITS = 102
OBJECT_WRITES, OBJECT_READS, LOG_KB, ITEM_KB = 2, 3, 6, 5
REVIEW_TRANSITIONS, REVIEW_FUNCTION_CALLS, REVIEW_WRITE_UNITS = 3, 3, 95
# A photo that is parked is detected twice, and looks once between.
WAIT_TRANSITIONS, WAIT_FUNCTION_CALLS, WAIT_GB_SECONDS = 3, 2, 0.4
WAIT_WRITE_UNITS, WAIT_READ_UNITS = 25, 4
ALARM_METRICS, CUSTOM_METRICS = 50, 30
REVIEW_APP_DISK_GB, INDEX_ENTRY_KB = 10, 0.2
# Ten reviewers, each for a working day, a page or a photo every few seconds.
REVIEW_REQUESTS, REVIEW_GB = 200_000, 20


@dataclass(frozen=True, slots=True)
class CostItem:
    """One item of the bill, in US dollars."""

    name: str
    dollars: float


def cost_of_thousand_photos() -> list[CostItem]:
    """Return the one-time cost of a thousand photos of one megabyte, without the model."""
    reviewed = UNCLEAR_SHARE
    per_photo = {
        "Step Functions": usd("transition", TRANSITIONS + reviewed * REVIEW_TRANSITIONS),
        "DynamoDB": usd("table write", WRITE_UNITS + reviewed * REVIEW_WRITE_UNITS)
        + usd("table read", READ_UNITS),
        "Lambda": usd("function second", GB_SECONDS)
        + usd("function call", FUNCTION_CALLS + reviewed * REVIEW_FUNCTION_CALLS),
        "S3 requests": usd("object write", OBJECT_WRITES) + usd("object read", OBJECT_READS),
        "Logs and traces": usd("log", LOG_KB / 1e6) + usd("trace", 1),
        "SQS and EventBridge": usd("message", MESSAGES) + usd("event", 1),
    }
    return [CostItem(name, 1000 * dollars) for name, dollars in per_photo.items()]


def cost_of_waiting_thousand_photos() -> float:
    """Return what a thousand photos cost more that are parked until the model runs, in US dollars."""
    return 1000 * (
        usd("transition", WAIT_TRANSITIONS)
        + usd("function call", WAIT_FUNCTION_CALLS)
        + usd("function second", WAIT_GB_SECONDS)
        + usd("table write", WAIT_WRITE_UNITS)
        + usd("table read", WAIT_READ_UNITS)
    )


def cost_of_measuring_thousand_photos() -> float:
    """Return the cost of measuring a thousand photos and comparing them with a reference, in US dollars."""
    seconds = MEASURING_GB_SECONDS + MEASURING_START_GB_SECONDS / 100
    return 1000 * (usd("function second", seconds) + usd("table write", 1) + usd("table read", 1))


def cost_of_judging_thousand_photos() -> float:
    """Return the cost of a thousand answers of an own model, in US dollars; idle it costs nothing."""
    seconds = OWN_MODEL_GB_SECONDS + OWN_MODEL_START_GB_SECONDS / 100
    return 1000 * (usd("function second", seconds) + usd("object read", 1))


def monthly_storage_cost(photos: int) -> CostItem:
    """Return the monthly cost of storing photos and items in their first months."""
    gigabytes = photos * PHOTO_MB / 1000
    item_gigabytes = photos * ITEM_KB / 1e6
    return CostItem("Storage, per month", usd("storage", gigabytes) + usd("table storage", item_gigabytes))


def monthly_check_cost(photos: int) -> float:
    """Return the monthly cost of comparing each stored photo's row with its object once a day."""
    reads = (
        0.5 + 0.5 * INDEX_ENTRY_KB / 4
    )  # Eventually consistent: the row, and its entry in the index of ids.
    lists = 2 / 1000  # A page has a thousand filed objects, or as many archived executions.
    return HOURS_PER_MONTH / 24 * photos * (usd("table read", reads) + usd("object write", lists))


def monthly_idle_cost(review_app: bool, domain: bool = False) -> list[CostItem]:
    """Return the cost of a month without uploads and without a running model.

    With a `domain` the load balancer has two public addresses, and otherwise none.
    """
    minutes = HOURS_PER_MONTH * 60
    runs = sum(minutes / function.schedule_minutes for function in FUNCTIONS if function.schedule_minutes)
    items = [
        CostItem(
            "Alarms, custom metrics, the dashboard",
            usd("alarm", ALARM_METRICS) + usd("metric", CUSTOM_METRICS) + usd("dashboard", 1),
        ),
        CostItem(
            "Scheduled functions",
            usd("function call", runs) + usd("function second", runs * 0.25) + usd("table read", runs * 3.5),
        ),
    ]
    if review_app:
        hourly = usd("machine", 1) + usd("balancer", 1) + usd("address", 3 if domain else 1)
        monthly = usd("disk", REVIEW_APP_DISK_GB) + usd("secret", 2)
        items.append(CostItem("Review app on Elastic Beanstalk", hourly * HOURS_PER_MONTH + monthly))
    return items


def model_hours(photos: int) -> Mapping[str, float]:
    """Return the inference-unit hours of a month, by schedule: one unit, more only if the load needs it."""
    working = photos / (PHOTOS_PER_SECOND_PER_UNIT * 3600)
    return {
        "always on": max(HOURS_PER_MONTH, working),
        "in one shift": max(SHIFT_HOURS, working),
        BATCH: working + BATCHES * HOURS_AROUND_A_BATCH,
    }


def review_app_hosting_costs() -> list[CostItem]:
    """Return the monthly cost of the review app on each platform that was considered."""
    load_balancer = usd("balancer", HOURS_PER_MONTH)
    container_hour = usd("container CPU", 0.5) + usd("container memory", 1) + usd("address", 3)
    calls = REVIEW_REQUESTS
    return [
        CostItem(
            "Elastic Beanstalk, one t4g.small, behind CloudFront with its traffic (chosen)",
            monthly_idle_cost(True)[-1].dollars + cloudfront_cost(),
        ),
        CostItem(
            "Elastic Beanstalk, one t4g.small, with a domain", monthly_idle_cost(True, True)[-1].dollars
        ),
        CostItem(
            "ECS on Fargate, half a vCPU, 1 GB",
            load_balancer + container_hour * HOURS_PER_MONTH + usd("secret", 2),
        ),
        CostItem(
            "Lambda behind a function URL",
            usd("function call", calls) + usd("function second", calls * 0.25) + usd("secret", 2),
        ),
    ]


def cloudfront_cost() -> float:
    """Return the monthly cost of CloudFront for ten reviewers. An idle distribution costs nothing."""
    return usd("edge request", REVIEW_REQUESTS) + usd("edge transfer", REVIEW_GB)


def total(items: Sequence[CostItem]) -> float:
    """Return the sum of the items in US dollars."""
    return sum(item.dollars for item in items)


def summarize_stage_cost(review_app: bool, domain: bool = False) -> str:
    """Return the sentence about the cost of a stage that a deployment shows before it asks."""
    items, photos = monthly_idle_cost(review_app, domain), total(cost_of_thousand_photos())
    app = f" (the review app US${items[-1].dollars:.0f} of it)" if review_app else ""
    return (
        f"About US${total(items):.0f} a month when idle{app}, US${photos:.2f} for 1,000 photos, "
        f"US${usd('model', 1):.0f} an hour for each inference unit while a model runs (docs/cost.md)."
    )


def render_page() -> str:
    """Render docs/cost.md."""
    photos = cost_of_thousand_photos()
    waiting = CostItem("Waiting for the model, once, if a photo does", cost_of_waiting_thousand_photos())
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        model=f"{PRICES['model'].usd:.0f}",
        photos=f"{total(photos):.2f}",
        idle=f"{total(monthly_idle_cost(False)):.0f}",
        idle_with_app=f"{total(monthly_idle_cost(True)):.0f}",
        idle_with_domain=f"{total(monthly_idle_cost(True, True)):.0f}",
        review_requests=f"{REVIEW_REQUESTS:,}",
        review_gb=REVIEW_GB,
        cloudfront=f"{cloudfront_cost():.2f}",
        photo_mb=f"{PHOTO_MB:.0f}",
        writes=WRITE_UNITS,
        waiting=f"{cost_of_waiting_thousand_photos():.2f}",
        wait_transitions=WAIT_TRANSITIONS,
        name_writes=NAME_WRITES,
        max_name_writes=MAX_NAME_WRITES,
        sample_key=SAMPLE_KEY,
        check=f"{monthly_check_cost(MILLION):.2f}",
        unclear=f"{UNCLEAR_SHARE:.0%}",
        speed=PHOTOS_PER_SECOND_PER_UNIT,
        thousand=_bill("US$", photos, 3, after=waiting),
        measuring=f"{cost_of_measuring_thousand_photos():.4f}",
        own_model=f"{cost_of_judging_thousand_photos():.4f}",
        own_in_all=f"{total(photos) + cost_of_judging_thousand_photos():.2f}",
        kinds=_kinds(total(photos)),
        months=_months(),
        targets=_table(
            ("", "US$ a month"), [(item.name, f"{item.dollars:.0f}") for item in review_app_hosting_costs()]
        ),
        alternatives=_alternatives(),
        prices=_table(
            ("unit", "US$", "AWS page", "date of the price list"),
            [
                (
                    price.unit,
                    _precise(price.usd),
                    f"[{price.page.title}]({AWS}/{price.page.path}/)",
                    price.read_on or "–",
                )
                for price in PRICES.values()
            ],
        ),
    )


def _months() -> str:
    rows = []
    for photos in VOLUMES:
        rest = (
            total(cost_of_thousand_photos()) * photos / 1000
            + monthly_storage_cost(photos).dollars
            + total(monthly_idle_cost(True))
        )
        for schedule, hours in model_hours(photos).items():
            model = usd("model", hours)
            if schedule == BATCH:  # Every photo waits for its batch.
                rest += cost_of_waiting_thousand_photos() * photos / 1000
            share = model / (model + rest)
            rows.append(
                (
                    f"{photos:,}",
                    schedule,
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
        "model schedule",
        "hours",
        "model",
        "rest",
        "total",
        "model's share",
        "per 1,000 photos",
    )
    return _table(titles, rows)


def _kinds(photos: float) -> str:
    own = photos + cost_of_judging_thousand_photos()
    rows = [("own", "–", "0.00", f"{own:.2f}")]
    for schedule, hours in model_hours(10_000).items():
        model = usd("model", hours)
        each = f"{photos + model / 10:.2f}"
        rows.append(("custom-labels", schedule, f"{model:,.0f}", each))
    titles = ("kind of model", "schedule", "US$ a month for the model", "US$ per 1,000 photos in all")
    return _table(titles, rows)


def _alternatives() -> str:
    standard = 1000 * usd("transition", TRANSITIONS)
    direct = total(cost_of_thousand_photos()) - standard
    rows = [
        (
            "Step Functions Standard (chosen)",
            f"{standard:.3f}",
            "history, redrive, task token waits of days",
        ),
        (
            "Step Functions Express",
            f"{1000 * (1e-6 + 5 * 0.0625 * 1.667e-5):.3f}",
            "no task tokens, five minutes at most: no time for a review",
        ),
        (
            "functions chained by queues",
            "0.003",
            f"all other costs stay ({direct:.3f}); no history, own retries",
        ),
    ]
    return _table(("orchestration", "US$ per 1,000 photos", "properties"), rows)


def _bill(title: str, items: Sequence[CostItem], digits: int, after: CostItem) -> str:
    """Return the table of a bill, with an item after the total that is not in it."""
    rows = [(item.name, f"{item.dollars:.{digits}f}") for item in items]
    rows += [("**Total**", f"**{total(items):.{digits}f}**"), (after.name, f"{after.dollars:.{digits}f}")]
    return _table(("", title), rows)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(row) for row in (titles, *rows)]
    return "\n".join((f"| {lines[0]} |", "|---" * len(titles) + "|", *(f"| {line} |" for line in lines[1:])))


def _precise(dollars: float) -> str:
    return f"{dollars:.10f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
