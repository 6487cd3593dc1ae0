"""The places in the adapters that call AWS: those in the source, and those on the stack of a call."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import botocore.session
from botocore import xform_name

ADAPTERS = Path(__file__).resolve().parents[2] / "workflow" / "aws"
SERVICES = ("dynamodb", "s3", "sqs", "ssm", "stepfunctions", "rekognition", "lambda", "logs")


class CallSite(NamedTuple):
    """A function of an adapter, and the operation that it calls."""

    function: str
    operation: str


def read_adapters() -> dict[str, str]:
    """Return the source of each module of the adapters."""
    return {file.stem: file.read_text(encoding="utf-8") for file in ADAPTERS.glob("*.py")}


def call_sites_in(sources: Mapping[str, str]) -> set[CallSite]:
    """Return every place in the modules that names an operation of a service."""
    session = botocore.session.get_session()
    models = [session.get_service_model(service) for service in SERVICES]
    operations = {xform_name(name) for model in models for name in model.operation_names}
    sites = {site for module, source in sources.items() for site in _sites(ast.parse(source), module)}
    return {site for site in sites if site.operation in operations}


def _sites(node: ast.AST, function: str, inside: bool = False) -> Iterator[CallSite]:
    """Yield the called names, and the first arguments, as in `get_paginator("query")`.

    A function inside another one counts as the outer one.
    """
    for child in ast.iter_child_nodes(node):
        name = function
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not inside:
            name = f"{function}.{child.name}"
        yield from _sites(child, name, inside or isinstance(child, ast.FunctionDef))
        if isinstance(child, ast.Call):
            names = [child.func.attr] if isinstance(child.func, ast.Attribute) else []
            names += [arg.value for arg in child.args[:1] if isinstance(arg, ast.Constant)]
            yield from (CallSite(function, name) for name in names)


def call_sites_on_stack(operation: str) -> set[CallSite]:
    """Return the functions of the adapters that are making a call."""
    frame, sites = sys._getframe(), set()
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_code.co_filename.startswith(str(ADAPTERS)):
            function = frame.f_code.co_qualname.partition(".<locals>")[0]
            sites.add(CallSite(f"{Path(frame.f_code.co_filename).stem}.{function}", operation))
    return sites
