"""`partcheck custom-labels`: run only the Custom Labels service."""

import os
import sys
from pathlib import Path

import click

from cli.context import CliContext
from workflow.errors import ConfigurationError


@click.command("custom-labels", hidden=True)
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=4568,
    show_default=True,
    help="The port that it listens on, on this machine only.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory of projects and models.  [default: custom-labels within --state-dir]",
)
@click.option("--aws-endpoint", help="The endpoint of S3, if it is not AWS.  [default: AWS_ENDPOINT_URL]")
@click.option("--region", help="The region in its ARNs.  [default: AWS_DEFAULT_REGION, else eu-central-1]")
@click.option("--throttle", is_flag=True, help="Answer no faster than the model's inference units allow.")
@click.pass_obj
def custom_labels(
    context: CliContext,
    port: int,
    state: Path | None,
    aws_endpoint: str | None,
    region: str | None,
    throttle: bool,
) -> None:
    """Run only the Custom Labels service, until Ctrl-C.

    The service implements the protocol of Amazon Rekognition Custom Labels and trains real models. boto3 and
    the AWS CLI work with it unchanged. `partcheck up` includes it. Run it alone to use it from other
    programs.

    \b
    Example:
      partcheck custom-labels --port 4600 --state models/
      aws rekognition describe-projects --endpoint-url http://127.0.0.1:4600
    """
    from local import settings

    if state is None:
        if settings.find_running_environment(context.state_dir):
            raise ConfigurationError(
                "The running environment's Custom Labels service uses that directory: choose another --state"
            )
        state = settings.resolve_state_dir(context.state_dir) / "custom-labels"
    arguments = ["--port", str(port), "--state", str(state.absolute())]
    arguments += ["--aws-endpoint", aws_endpoint] if aws_endpoint else []
    arguments += ["--region", region] if region else []
    arguments += ["--throttle"] if throttle else []
    # A separate process, because NumPy reads its number of threads when it is imported.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "custom_labels", *arguments])  # noqa: S606
