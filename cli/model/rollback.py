"""`partcheck model rollback`."""

import click

from cli.context import CliContext
from cli.model.promote import print_switch, warn_without_reference
from cli.model_services import open_model_services, project_options
from workflow.models import promotion


@click.command()
@project_options
@click.option("--reason", default="requested", show_default=True, help="Why. Recorded with the rollback.")
@click.option("--json", "as_json", is_flag=True, help="Print both models as one JSON object.")
@click.pass_obj
def rollback(context: CliContext, project: str, bucket: str, reason: str, as_json: bool) -> None:
    """Bring back the model that the last promotion replaced.

    The former model is started first. When it runs, the environment switches to it and to the routing policy
    of that time. After that the other model is stopped. If the last promotion was interrupted before the
    switch, the model in use stays and gets its routing policy back.

    \b
    Example:
      partcheck model rollback --reason "too many good parts called defect"
    """
    services = open_model_services(context, project, bucket)
    before = services.settings.get_model()
    restored = promotion.rollback(services.registry, reason)
    print_switch(restored, before, as_json)
    warn_without_reference(services, restored)
