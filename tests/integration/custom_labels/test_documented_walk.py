"""The walk through a model's life in docs/custom-labels.md works as typed."""

import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

from local.environment import LocalEnvironment
from local.sample_parts import generate_parts

PAGE = Path(__file__).resolve().parents[3] / "docs" / "custom-labels.md"
DOCUMENTED_PORTS = ("4566", "4568")


def test_the_documented_commands_lead_from_photos_to_a_deleted_model(
    environment: LocalEnvironment, tmp_path: Path
) -> None:
    for part in islice(generate_parts(40, seed=21), 40):
        photo = tmp_path / "photos" / part.label / part.name
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(part.content)
    (script,) = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for documented, port in zip(
        DOCUMENTED_PORTS, (environment.ports.aws, environment.ports.custom_labels), strict=True
    ):
        script = script.replace(f"127.0.0.1:{documented}", f"127.0.0.1:{port}")

    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PATH": f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=280,
    )

    assert result.returncode == 0, result.stderr
    assert '"CustomLabels"' in result.stdout
    assert '"Confidence"' in result.stdout
