import io
import zipfile
from pathlib import Path

import pytest

from lambdas import catalog
from local import functions
from local.settings import Endpoints
from workflow.errors import ConfigurationError

ENDPOINTS = Endpoints(
    aws="http://127.0.0.1:1",
    step_functions="http://127.0.0.1:2",
    custom_labels="http://127.0.0.1:3",
    review_app="http://127.0.0.1:4",
)
SOURCES = {"lambdas/a.py": "A = 1\n", "workflow/b.py": "B = 2\n", "workflow/aws/c.py": "C = 3\n"}


def write_sources(root: Path, sources: dict[str, str]) -> Path:
    for name, text in sources.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_sources(tmp_path / "first", SOURCES)
    second = write_sources(tmp_path / "second", dict(reversed(SOURCES.items())))
    (second / "workflow" / "b.py").touch()

    assert functions.build_package(first) == functions.build_package(second)


def test_other_sources_give_other_bytes(tmp_path: Path) -> None:
    first = write_sources(tmp_path / "first", SOURCES)
    second = write_sources(tmp_path / "second", {**SOURCES, "lambdas/a.py": "A = 2\n"})

    assert functions.build_package(first) != functions.build_package(second)


def test_the_package_holds_sources_and_nothing_else(tmp_path: Path) -> None:
    extra = {"workflow/__pycache__/b.pyc": "", "local/d.py": "", "workflow/notes.txt": ""}

    archive = zipfile.ZipFile(io.BytesIO(functions.build_package(write_sources(tmp_path, SOURCES | extra))))

    assert archive.namelist() == sorted(SOURCES)


def test_the_package_holds_every_entry_point() -> None:
    names = zipfile.ZipFile(io.BytesIO(functions.build_package())).namelist()

    assert {f"lambdas/{function.module}.py" for function in catalog.FUNCTIONS} <= set(names)


@pytest.mark.parametrize("function", catalog.FUNCTIONS, ids=lambda function: function.module)
def test_a_function_gets_what_it_needs_and_no_other_value(function: catalog.LambdaFunction) -> None:
    everything = {name: "x" for function in catalog.FUNCTIONS for name in function.required_variables}

    variables = functions.function_environment(function, everything, ENDPOINTS)

    assert variables.keys() & everything.keys() == function.required_variables
    assert variables["AWS_ENDPOINT_URL_SFN"] == ENDPOINTS.step_functions


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="INSPECTIONS_TABLE"):
        functions.function_environment(catalog.CLAIM_UPLOAD, {}, ENDPOINTS)


def test_names_follow_modules() -> None:
    assert functions.function_name(catalog.CLAIM_UPLOAD) == "partcheck-claim-upload"
