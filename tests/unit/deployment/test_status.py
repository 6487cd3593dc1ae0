"""Alarms and queue lengths are read from AWS's answers."""

from deployment import status
from tests.unit.workflow.aws.stubbed_client import stubbed


def test_messages_in_flight_are_counted() -> None:
    with stubbed("sqs") as (client, stub):
        counts = {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "2"}
        stub.add_response("get_queue_attributes", {"Attributes": counts})

        assert status.count_messages("q", client) == 5


def test_alarms_are_requested_a_hundred_names_at_a_time() -> None:
    names = [f"alarm-{number}" for number in range(150)]
    with stubbed("cloudwatch") as (client, stub):
        for batch in (names[:100], names[100:]):
            alarms = [{"AlarmName": name, "StateValue": "OK"} for name in batch]
            stub.add_response("describe_alarms", {"MetricAlarms": alarms}, {"AlarmNames": batch})

        assert [alarm.name for alarm in status.get_alarms(names, client)] == names
