"""Writes the CloudFormation template of one stage: `python -m infra.app`, or `cdk deploy` by cdk.json."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from aws_cdk import App, CliCredentialsStackSynthesizer, Tags

from infra import bundle, settings
from infra.bundle import Bundles
from infra.settings import Deployment
from infra.stack import PartcheckStack

CDK_JSON = bundle.ROOT / "cdk.json"


def feature_flags() -> Mapping[str, Any]:
    """The context of cdk.json, which CDK's own command alone would read."""
    context: Mapping[str, Any] = json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"]
    return context


def build(app: App, deployment: Deployment, made: Bundles) -> PartcheckStack:
    """Put the one stack of a stage into an app."""
    stack = PartcheckStack(
        app,
        "Partcheck",
        deployment,
        made,
        stack_name=deployment.stack_name,
        description=f"partcheck, stage {deployment.stage}: photos of parts, inspected",
        synthesizer=CliCredentialsStackSynthesizer(file_assets_bucket_name=deployment.assets_bucket),
        analytics_reporting=False,
    )
    Tags.of(stack).add("partcheck", deployment.stage)
    return stack


def synthesise(deployment: Deployment, out: Path, with_packages: bool) -> Path:
    """Write template and assets of one stage into a directory; returns the template."""
    app = App(outdir=str(out), context=feature_flags())
    build(app, deployment, bundle.bundles(with_packages))
    app.synth()
    return out / "Partcheck.template.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """What cdk.json calls; CDK tells its context and its directory by the environment."""
    parser = argparse.ArgumentParser(prog="python -m infra.app", description=__doc__)
    parser.add_argument(
        *("-c", "--context"), action="append", default=[], metavar="NAME=VALUE", help="a setting of the stage"
    )
    parser.add_argument("--bundle", action="store_true", help="with the functions' packages, to be deployed")
    given = parser.parse_args(arguments)
    app = App(outdir=os.environ.get("CDK_OUTDIR", "cdk.out"), context=feature_flags())
    context = {field.name: app.node.try_get_context(field.name) for field in fields(Deployment)}
    context |= dict(one.split("=", 1) for one in given.context)
    build(app, settings.from_context(context), bundle.bundles(given.bundle))
    print(app.synth().directory)  # noqa: T201


if __name__ == "__main__":
    main()
