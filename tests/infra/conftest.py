"""The template of one stage with everything in it, synthesised once, offline, and judged by cdk-nag."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Deployment

FULL = Deployment(
    stage="prod",
    domain="review.parts.example.com",
    hosted_zone_id="Z0123456789ABC",
    alarm_email="operator@example.com",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One xdist worker runs everything that shares the template."""
    for item in items:
        if "synthesised" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("synthesised"))


@dataclass(frozen=True, slots=True)
class Template:
    """A synthesised template, its directory, and cdk-nag's verdict."""

    directory: Path
    document: dict[str, Any]
    findings: list[str]

    @property
    def file(self) -> Path:
        return self.directory / "Partcheck.template.json"

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        resources: dict[str, dict[str, Any]] = self.document["Resources"]
        return resources

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of one type, by logical id."""
        return {name: one for name, one in self.resources.items() if one["Type"] == f"AWS::{kind}"}


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """No credentials, no network, no docker: none of them is there to be asked."""
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks, ServerlessChecks

    from infra import bundle
    from infra.app import build, feature_flags

    out = tmp_path_factory.mktemp("cdk.out")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "CDK_"))]:
            patch.delenv(name)
        patch.setenv("PATH", "/nowhere")
        app = App(outdir=str(out), context=dict(feature_flags()))
        build(app, FULL, bundle.bundles(False, tmp_path_factory.mktemp("build")))
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
        with suppress(RuntimeError):  # What it complains of stands in the report, for a test of its own.
            app.synth()
    document = json.loads((out / "Partcheck.template.json").read_text(encoding="utf-8"))
    report = json.loads((out / "validation-report.json").read_text(encoding="utf-8"))
    return Template(out, document, _violations(report))


def _violations(report: dict[str, Any]) -> list[str]:
    return [
        f"{violation['ruleName']}: {violation['description']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]
