"""The CDK app: `python -m infra.app` writes the template of one stage. `cdk deploy` calls it by cdk.json."""

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
from infra.settings import StageSettings
from infra.stack import PartcheckStack
from workflow.root_files import find_root_file

CDK_JSON = find_root_file(__file__, "cdk.json")


def feature_flags() -> Mapping[str, Any]:
    """Return the context of cdk.json, which only CDK's own command reads."""
    context: Mapping[str, Any] = json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"]
    return context


def build_stack(app: App, stage: StageSettings, bundles: Bundles) -> PartcheckStack:
    """Add the one stack of a stage to an app."""
    stack = PartcheckStack(
        app,
        "Partcheck",
        stage,
        bundles,
        stack_name=stage.stack_name,
        description=f"partcheck, stage {stage.stage}: photos of parts, inspected",
        synthesizer=CliCredentialsStackSynthesizer(file_assets_bucket_name=stage.assets_bucket),
        analytics_reporting=False,
    )
    Tags.of(stack).add("partcheck", stage.stage)
    return stack


def synthesise(stage: StageSettings, out: Path, with_packages: bool) -> Path:
    """Write the template and the assets of one stage to a directory. Return the template's path."""
    app = App(outdir=str(out), context=feature_flags())
    build_stack(app, stage, bundle.build_bundles(with_packages))
    app.synth()
    return out / "Partcheck.template.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command of cdk.json. CDK passes its context and output directory by the environment."""
    parser = argparse.ArgumentParser(prog="python -m infra.app", description=__doc__)
    parser.add_argument(
        *("-c", "--context"), action="append", default=[], metavar="NAME=VALUE", help="a setting of the stage"
    )
    parser.add_argument("--bundle", action="store_true", help="include the functions' packages")
    options = parser.parse_args(arguments)
    app = App(outdir=os.environ.get("CDK_OUTDIR", "cdk.out"), context=feature_flags())
    context = {field.name: app.node.try_get_context(field.name) for field in fields(StageSettings)}
    context |= dict(pair.split("=", 1) for pair in options.context)
    build_stack(app, settings.from_context(context), bundle.build_bundles(options.bundle))
    print(app.synth().directory)  # noqa: T201


if __name__ == "__main__":
    main()
