"""Accessibility checks with axe: light and dark, wide and narrow."""

from itertools import product
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe

from tests.web.browsing import Visit

WIDE, NARROW = (1440, 900), (360, 640)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def find_violations(visit: Visit) -> list[str]:
    """Return the violations in each scheme and width. The page is loaded once, as only its styles differ."""
    visit.page.evaluate(Axe().axe_script)
    violations = []
    for (width, height), scheme in product((WIDE, NARROW), SCHEMES):
        visit.page.set_viewport_size({"width": width, "height": height})
        visit.page.emulate_media(color_scheme=scheme)
        assert visit.page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [
            width,
            scheme == "dark",
        ]
        results: dict[str, Any] = visit.page.evaluate("rules => axe.run(document, rules)", RULES)
        violations += [
            f"{scheme}, {width} wide: {violation['id']}: {[node['target'] for node in violation['nodes']]}"
            for violation in results["violations"]
        ]
    return violations
