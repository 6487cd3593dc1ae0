"""Processor seconds of a function's cold start, with and without bytecode and clients made at import.

`python -m benchmarks.cold_start PYTHON PACKAGES` measures each function on a photo's path with an interpreter
of the functions' version, and a directory of their packages without bytecode. Calls are answered in memory.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from infra import bundle
from infra.grants import client_names
from lambdas import catalog

PATH = (
    *(catalog.START_INSPECTION, catalog.CLAIM_UPLOAD, catalog.DETECT_LABELS),
    *(catalog.MOVE_IMAGE, catalog.CLOSE_INSPECTION),
)
CALLS = {
    "dynamodb": ("get_item", {"TableName": "rows", "Key": {"id": {"S": "1"}}}),
    "s3": ("get_object", {"Bucket": "photos", "Key": "1"}),
    "sqs": ("send_message", {"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/1/q", "MessageBody": "1"}),
    "ssm": ("get_parameter", {"Name": "/partcheck/dev/model"}),
    "stepfunctions": ("describe_execution", {"executionArn": "arn:aws:states:eu-central-1:1:execution:a:b"}),
    "rekognition": ("describe_projects", {}),
}
CHILD = """
import json, sys, time
services, calls = sys.argv[2].split(), json.loads(sys.argv[3])
begin = time.process_time()
__import__(f"lambdas.{sys.argv[1]}")
imported = time.process_time()
from botocore.awsrequest import AWSResponse
from workflow.aws.clients import client
class Raw:
    def stream(self, **_): yield b"{}"
for service in services:
    made = client(service)
    made.meta.events.register("before-send", lambda request, **_: AWSResponse(request.url, 200, {}, Raw()))
    getattr(made, calls[service][0])(**calls[service][1])
print(imported - begin, time.process_time() - imported)
"""


def measure(
    python: str, root: Path, function: catalog.LambdaFunction, at_import: bool
) -> tuple[float, float]:
    """Return the processor seconds of the init phase and of the first call of each service."""
    services = [name for name in client_names(function) if name in CALLS]
    environment = {
        **{"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "AWS_DEFAULT_REGION": "eu-central-1"},
        **{"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "PATH": os.environ["PATH"]},
        **{"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR"},
        "CLIENTS": " ".join(services) if at_import else "",
    }
    command = [python, "-c", CHILD, function.module, " ".join(services), json.dumps(CALLS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    init, call = done.stdout.split()
    return float(init), float(call)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cold_start", description=__doc__.splitlines()[0]
    )
    parser.add_argument("python", help="An interpreter of the functions' version.")
    parser.add_argument("packages", type=Path, help="Their packages, for this processor, without bytecode.")
    parser.add_argument("--runs", type=int, default=15, help="How often each function starts.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        before, after = Path(scratch, "before"), Path(scratch, "after")
        shutil.copytree(bundle.build_measuring_bundle(False, Path(scratch)), before)
        shutil.copytree(options.packages, before, dirs_exist_ok=True)
        shutil.copytree(before, after)
        bundle._compile(after, "", options.python)
        for function in PATH:
            pairs = [
                (
                    measure(options.python, before, function, False),
                    measure(options.python, after, function, True),
                )
                for _ in range(options.runs)
            ]
            print(function.module, *(_describe([pair[when] for pair in pairs]) for when in (0, 1)), sep="\t")


def _describe(runs: list[tuple[float, float]]) -> str:
    """Return median, least and most of the init phase and of the first call, in seconds."""
    return "\t".join(
        f"{statistics.median(part):.2f} ({min(part):.2f}-{max(part):.2f})" for part in zip(*runs, strict=True)
    )


if __name__ == "__main__":
    main()
