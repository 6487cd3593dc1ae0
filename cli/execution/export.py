"""`partcheck execution export`: write an execution's history as a JSON document."""

from pathlib import Path

import click

from cli import inspection_lookup
from cli.context import CliContext
from cli.output import note
from workflow.errors import NotFound
from workflow.history import archive


@click.command()
@click.argument("image")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The file to write.  [default: stdout]")
@click.pass_obj
def export(context: CliContext, image: str, output: Path | None) -> None:
    """Write an execution's complete history as one JSON document. The review app can open it.

    IMAGE is the same as for `partcheck execution show`. The document contains no task tokens.

    \b
    Example:
      partcheck execution export part-4711.jpg -o 4711.json
    """
    environment = context.environment()
    name = inspection_lookup.find_execution_name(image, None)
    if not name:
        row, _ = inspection_lookup.find_newest_match(environment.inspections, image)
        name = inspection_lookup.find_execution_name(image, row)
    record = archive.load_latest(environment.archive, environment.history_source, name)
    if record is None:
        raise NotFound(f"Execution {name} is neither in Step Functions nor in the archive.")
    document = archive.to_json(record)
    if output is None:
        click.echo(document)
    else:
        output.write_text(document, encoding="utf-8")
        note(f"Written to {output}.")
