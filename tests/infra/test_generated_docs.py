"""Generated pages are up to date with the template and the prices."""

import re

import pytest

from infra import cost, permissions_page
from infra.bundle import ROOT
from infra.cost import ALARM_METRICS, CUSTOM_METRICS
from infra.prices import PRICES
from tests.infra.conftest import Template
from workflow.history.search import key_suffixes

pytestmark = pytest.mark.xdist_group("synthesised")

RUNBOOK_TEXT = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (\w+)$", RUNBOOK_TEXT, re.MULTILINE)
CHORES = "Chores"


def test_every_alarm_has_a_section_in_the_runbook_and_every_section_has_an_alarm(
    synthesised: Template,
) -> None:
    named = {
        alarm["Properties"]["AlarmDescription"].rpartition("#")[2]
        for alarm in synthesised.of("CloudWatch::Alarm").values()
    }

    assert named == {section.lower() for section in SECTIONS if section != CHORES}


def test_every_section_says_where_to_look_or_what_to_do() -> None:
    parts = re.split(r"^## \w+$", RUNBOOK_TEXT, flags=re.MULTILINE)[1:]

    assert all(re.search(r"Do: |See:|See \*", part) or "**" in part for part in parts)


def test_every_alarm_has_an_action(synthesised: Template) -> None:
    assert all(alarm["Properties"]["AlarmActions"] for alarm in synthesised.of("CloudWatch::Alarm").values())


def test_the_table_of_permissions_is_that_of_the_template(synthesised: Template) -> None:
    assert permissions_page.PAGE.read_text("utf-8") == permissions_page.render_page(synthesised.document), (
        "run python -m infra.permissions_page"
    )


def test_the_cost_page_is_computed_from_the_prices() -> None:
    assert cost.PAGE.read_text("utf-8") == cost.render_page(), "run python -m infra.cost"


def test_every_price_has_a_source_and_a_date() -> None:
    undated = [name for name, price in PRICES.items() if not price.read_on]

    assert undated == ["training", "edge request", "edge transfer"]
    assert all(
        re.fullmatch(r"2026-\d\d(-\d\d)?", price.read_on) for price in PRICES.values() if price.read_on
    )
    assert all(
        price.page.title and price.page.path.endswith(("pricing", "on-demand")) for price in PRICES.values()
    )


def test_the_cost_includes_every_alarm_and_every_custom_metric(synthesised: Template) -> None:
    alarms = synthesised.of("CloudWatch::Alarm").values()
    metrics = sum(len(alarm["Properties"].get("Metrics", (1,))) for alarm in alarms)

    assert metrics <= ALARM_METRICS
    assert CUSTOM_METRICS >= 20


def test_the_cost_includes_every_entry_of_the_name_index() -> None:
    longest = "/".join(f"line {number}" for number in range(40)) + "/" + "7" * 100

    assert len(key_suffixes(cost.SAMPLE_KEY)) == cost.NAME_WRITES
    assert len(key_suffixes(longest)) == cost.MAX_NAME_WRITES


def test_the_model_is_nearly_all_of_the_cost() -> None:
    rest = cost.total(cost.monthly_idle_cost(True)) + cost.total(cost.cost_of_thousand_photos()) * 10

    assert cost.model_hours(10_000)["always on"] * PRICES["model"].usd > 20 * rest


def test_more_photos_never_cost_less() -> None:
    for schedule in ("always on", "in one shift", "a batch a day"):
        hours = [cost.model_hours(photos)[schedule] for photos in (*cost.VOLUMES, 20_000_000)]
        assert hours == sorted(hours)
