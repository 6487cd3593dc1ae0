"""Templates of a stage with a domain and of one without, synthesised once, offline, checked by cdk-nag."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.settings import StageSettings

FULL = StageSettings(
    stage="prod",
    domain="review.parts.example.com",
    hosted_zone_id="Z0123456789ABC",
    alarm_email="operator@example.com",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one xdist worker run all tests that share the template."""
    for item in items:
        if {"synthesised", "at_cloudfront"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.xdist_group("synthesised"))


@dataclass(frozen=True, slots=True)
class Template:
    """A synthesised template, its directory, and cdk-nag's findings."""

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
        """Return the resources of one type, by logical id."""
        return {
            name: resource for name, resource in self.resources.items() if resource["Type"] == f"AWS::{kind}"
        }

    def dependencies_of(self, name: str) -> set[str]:
        """Return the logical ids that exist before this one: references and DependsOn, and theirs."""
        found, waiting = set[str](), [name]
        while waiting:
            resource = self.resources[waiting.pop()]
            text = json.dumps({key: value for key, value in resource.items() if key != "Metadata"})
            named = {other for other in self.resources if f'"{other}"' in text or f"${{{other}" in text}
            waiting += named - found
            found |= named
        return found


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Synthesise the template of a stage with a domain."""
    return _synthesise(FULL, tmp_path_factory)


@pytest.fixture(scope="session")
def at_cloudfront(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Synthesise the template of a stage without any option."""
    return _synthesise(StageSettings(), tmp_path_factory)


def _synthesise(settings: StageSettings, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Synthesise a template without credentials, network and docker."""
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks, ServerlessChecks

    from infra import bundle
    from infra.app import build_stack, feature_flags

    out = tmp_path_factory.mktemp("cdk.out")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "CDK_"))]:
            patch.delenv(name)
        patch.setenv("PATH", "/nowhere")
        app = App(outdir=str(out), context=dict(feature_flags()))
        build_stack(app, settings, bundle.build_bundles(False, tmp_path_factory.mktemp("build")))
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
        with suppress(RuntimeError):  # Findings are in the report, which has a test of its own.
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
