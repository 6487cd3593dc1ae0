"""The adapters of the functions, built from their environment variables."""

import os
from functools import cache

from workflow.aws.clients import client
from workflow.aws.container import AwsContainer

# Lambda's init phase has a whole processor, a call only the part that its memory buys.
for service in os.environ.get("CLIENTS", "").split():
    client(service)


@cache
def production() -> AwsContainer:
    """Return the adapters, which a warm function keeps."""
    return AwsContainer(os.environ)
