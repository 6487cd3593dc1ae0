"""All docstrings of functions keep one convention, so that readers need not learn two."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("workflow", "lambdas", "review_app", "datasets", "custom_labels", "vision"),
    *("local", "infra", "deployment", "cli", "benchmarks"),
)
OTHER_CONVENTIONS = re.compile(
    r"Returns? whether|(^|[.;:] )[Rr]aises [A-Z]|(^|[.] )Returns |; (?!None)[A-Z]\w+ (if|without) "
)


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_of_functions_use_the_imperative(package: str) -> None:
    other = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if OTHER_CONVENTIONS.search(" ".join((ast.get_docstring(node) or "").split()))
    ]

    assert other == [], "write “Return True if …”, “Raise Conflict if …”"
