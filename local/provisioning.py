"""Creates or updates all resources of the local environment."""

from concurrent.futures import ThreadPoolExecutor

from lambdas import catalog
from local import functions, queues, resources, state_machine
from local.settings import REGION, Endpoints, max_in_flight
from workflow import tables
from workflow.aws.clients import client
from workflow.aws.stack_outputs import StackOutputs


def provision(endpoints: Endpoints) -> StackOutputs:
    """Create missing resources and update existing ones. Leave the intake disabled. Return the outputs."""
    resources.create_buckets()
    resources.create_tables()
    resources.create_parameters()
    urls = queues.create_queues()
    queues.create_uploads_rule()
    values = {
        **{table.variable: resources.table_name(table) for table in tables.TABLES},
        "POLICY_PARAMETER": resources.POLICY_PARAMETER,
        "MODEL_PARAMETER": resources.MODEL_PARAMETER,
        "FILED_BUCKET": resources.FILED_BUCKET,
        "INBOUND_BUCKET": resources.INBOUND_BUCKET,
        "HISTORY_BUCKET": resources.HISTORY_BUCKET,
        "TRAINING_BUCKET": resources.TRAINING_BUCKET,
        "DECISION_QUEUE_URL": urls.decisions,
        "ESCALATION_QUEUE_URL": urls.escalations,
        "COMMAND_QUEUE_URL": urls.commands,
        "STATE_MACHINE_ARN": state_machine.ARN,
        "LOG_GROUPS": functions.log_groups(),
        "MAX_IN_FLIGHT": str(max_in_flight()),
    }
    client("stepfunctions")  # Creating clients is not thread-safe; using them is.
    with ThreadPoolExecutor(1) as pool:  # The first call keeps Step Functions busy for a second.
        deployment = pool.submit(state_machine.deploy_state_machine, urls)
        functions.deploy_functions(values, endpoints)
        deployment.result()
    return _stack_outputs(urls)


def _stack_outputs(urls: queues.QueueUrls) -> StackOutputs:
    return StackOutputs(
        region=REGION,
        inbound_bucket=resources.INBOUND_BUCKET,
        filed_bucket=resources.FILED_BUCKET,
        training_bucket=resources.TRAINING_BUCKET,
        inspections_table=resources.table_name(tables.INSPECTIONS),
        audit_table=resources.table_name(tables.AUDIT),
        task_tokens_table=resources.table_name(tables.TASK_TOKENS),
        name_index_table=resources.table_name(tables.NAME_INDEX),
        metrics_table=resources.table_name(tables.METRICS),
        command_log_table=resources.table_name(tables.COMMAND_LOG),
        cameras_table=resources.table_name(tables.CAMERAS),
        history_bucket=resources.HISTORY_BUCKET,
        get_execution_history_function=functions.function_name(catalog.GET_EXECUTION_HISTORY),
        intake_queue_url=urls.intake,
        decision_queue_url=urls.decisions,
        escalation_queue_url=urls.escalations,
        verdict_queue_url=urls.verdicts,
        command_queue_url=urls.commands,
        state_machine_arn=state_machine.ARN,
        policy_parameter=resources.POLICY_PARAMETER,
        model_parameter=resources.MODEL_PARAMETER,
    )
