"""The adapters of the functions, built from their environment variables."""

import os
from functools import cache

from workflow.aws import clients  # noqa: F401 (Lambda imports boto3 faster in its init phase than in a call.)
from workflow.aws.container import AwsContainer


@cache
def production() -> AwsContainer:
    """Return the adapters, which a warm function keeps."""
    return AwsContainer(os.environ)
