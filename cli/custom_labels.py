"""`partcheck custom-labels`: the Custom Labels service alone."""

import os
import sys
from pathlib import Path

import click

from cli.reach import Chosen
from workflow.errors import ConfigurationError


@click.command("custom-labels")
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=4568,
    show_default=True,
    help="Where it listens, on this machine only.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps projects and models.  [default: custom-labels within --home]",
)
@click.option("--aws-endpoint", help="Where S3 is, when it is not AWS.  [default: AWS_ENDPOINT_URL]")
@click.option("--region", help="The region in its ARNs.  [default: AWS_DEFAULT_REGION, else eu-central-1]")
@click.option("--throttle", is_flag=True, help="Answer no faster than the model's inference units allow.")
@click.pass_obj
def custom_labels(
    chosen: Chosen,
    port: int,
    state: Path | None,
    aws_endpoint: str | None,
    region: str | None,
    throttle: bool,
) -> None:
    """Run the Custom Labels service alone, until Ctrl-C.

    It speaks the protocol of Amazon Rekognition Custom Labels and really learns, so boto3 and the AWS CLI
    work against it unchanged. `partcheck up` includes it; alone it serves programs of your own.

    \b
    Example:
      partcheck custom-labels --port 4600 --state models/
      aws rekognition describe-projects --endpoint-url http://127.0.0.1:4600
    """
    from local import settings

    if state is None:
        if settings.running_line(chosen.home):
            raise ConfigurationError(
                "The running line's own Custom Labels service uses that directory: choose another --state"
            )
        state = settings.home_directory(chosen.home) / "custom-labels"
    arguments = ["--port", str(port), "--state", str(state.absolute())]
    arguments += ["--aws-endpoint", aws_endpoint] if aws_endpoint else []
    arguments += ["--region", region] if region else []
    arguments += ["--throttle"] if throttle else []
    # A process of its own, because NumPy must learn how many threads it may use before it is imported.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "local.custom_labels", *arguments])  # noqa: S606
