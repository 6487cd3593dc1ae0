import io
import zipfile
from pathlib import Path

import pytest

from lambdas import catalog
from local import functions
from local.settings import Endpoints
from workflow.errors import ConfigurationError

ENDPOINTS = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", "http://127.0.0.1:4")
SOURCES = {"lambdas/a.py": "A = 1\n", "workflow/b.py": "B = 2\n", "workflow/aws/c.py": "C = 3\n"}


def tree(root: Path, sources: dict[str, str]) -> Path:
    for name, text in sources.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first = tree(tmp_path / "first", SOURCES)
    second = tree(tmp_path / "second", dict(reversed(SOURCES.items())))
    (second / "workflow" / "b.py").touch()

    assert functions.package(first) == functions.package(second)


def test_other_sources_give_other_bytes(tmp_path: Path) -> None:
    first = tree(tmp_path / "first", SOURCES)
    second = tree(tmp_path / "second", {**SOURCES, "lambdas/a.py": "A = 2\n"})

    assert functions.package(first) != functions.package(second)


def test_the_package_holds_sources_and_nothing_else(tmp_path: Path) -> None:
    extra = {"workflow/__pycache__/b.pyc": "", "local/d.py": "", "workflow/notes.txt": ""}

    packed = zipfile.ZipFile(io.BytesIO(functions.package(tree(tmp_path, SOURCES | extra))))

    assert packed.namelist() == sorted(SOURCES)


def test_the_package_holds_every_entry_point() -> None:
    names = zipfile.ZipFile(io.BytesIO(functions.package())).namelist()

    assert {f"lambdas/{function.module}.py" for function in catalog.FUNCTIONS} <= set(names)


@pytest.mark.parametrize("function", catalog.FUNCTIONS, ids=lambda function: function.module)
def test_a_function_gets_what_it_needs_and_no_other_value(function: catalog.Function) -> None:
    everything = {name: "x" for each in catalog.FUNCTIONS for name in each.needs}

    given = functions.settings(function, everything, ENDPOINTS)

    assert given.keys() & everything.keys() == function.needs
    assert given["AWS_ENDPOINT_URL_SFN"] == ENDPOINTS.step_functions


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="LEDGER_TABLE"):
        functions.settings(catalog.CLAIM_UPLOAD, {}, ENDPOINTS)


def test_names_follow_modules() -> None:
    assert functions.function_name(catalog.CLAIM_UPLOAD) == "partcheck-claim-upload"
