"""Brings all resources of the line into being, or up to date."""

from concurrent.futures import ThreadPoolExecutor

from lambdas import catalog
from local import functions, machine, queues, resources
from local.settings import REGION, Endpoints, max_in_flight
from workflow import tables
from workflow.aws.clients import client
from workflow.aws.site import Site


def provision(endpoints: Endpoints) -> Site:
    """Create what is missing and bring the rest up to date; the intake stays closed."""
    resources.create_buckets()
    resources.create_tables()
    resources.create_parameters()
    urls = queues.create_queues()
    queues.create_rule()
    values = {
        **{table.variable: resources.table_name(table) for table in tables.TABLES},
        "POLICY_PARAMETER": resources.POLICY_PARAMETER,
        "MODEL_PARAMETER": resources.MODEL_PARAMETER,
        "FILED_BUCKET": resources.FILED_BUCKET,
        "INBOUND_BUCKET": resources.INBOUND_BUCKET,
        "HISTORY_BUCKET": resources.HISTORY_BUCKET,
        "DECISION_QUEUE_URL": urls.decisions,
        "ESCALATION_QUEUE_URL": urls.escalations,
        "COMMAND_QUEUE_URL": urls.commands,
        "STATE_MACHINE_ARN": machine.ARN,
        "LOG_GROUPS": functions.log_groups(),
        "MAX_IN_FLIGHT": str(max_in_flight()),
    }
    client("stepfunctions")  # Making clients is not safe in threads; using them is.
    with ThreadPoolExecutor(1) as meanwhile:  # Its first call keeps Step Functions busy for a second.
        deployed = meanwhile.submit(machine.deploy_machine, urls)
        functions.deploy_functions(values, endpoints)
        deployed.result()
    return _site(urls)


def _site(urls: queues.Queues) -> Site:
    return Site(
        region=REGION,
        inbound_bucket=resources.INBOUND_BUCKET,
        filed_bucket=resources.FILED_BUCKET,
        training_bucket=resources.TRAINING_BUCKET,
        ledger_table=resources.table_name(tables.LEDGER),
        audit_table=resources.table_name(tables.AUDIT),
        token_table=resources.table_name(tables.TOKENS),
        names_table=resources.table_name(tables.NAMES),
        figures_table=resources.table_name(tables.FIGURES),
        command_table=resources.table_name(tables.COMMANDS),
        history_bucket=resources.HISTORY_BUCKET,
        read_history_function=functions.function_name(catalog.READ_HISTORY),
        intake_queue_url=urls.intake,
        decision_queue_url=urls.decisions,
        escalation_queue_url=urls.escalations,
        verdict_queue_url=urls.verdicts,
        command_queue_url=urls.commands,
        state_machine_arn=machine.ARN,
        policy_parameter=resources.POLICY_PARAMETER,
        model_parameter=resources.MODEL_PARAMETER,
    )
