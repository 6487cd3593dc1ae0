"""What an inspection left is taken away, and nothing of the others."""

from dataclasses import fields
from typing import Any

from local.resources import table_name
from tests.unit.line import Line
from workflow.aws.archive import key
from workflow.aws.clients import client
from workflow.aws.items import to_item, values
from workflow.aws.search import DynamoSearch
from workflow.aws.site import Site
from workflow.aws.traces import forget
from workflow.history.archiver import executions_of
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.tables import AUDIT, LEDGER, NAMES, TOKENS

BUCKETS = ("inbound", "filed", "history")
SITE = Site(
    **{one.name: one.name for one in fields(Site)}
    | {f"{name}_bucket": name for name in BUCKETS}
    | {f"{name}_table": table_name(table) for name, table in (("ledger", LEDGER), ("audit", AUDIT))}
    | {"token_table": table_name(TOKENS), "names_table": table_name(NAMES)}
)


def kept(name: str) -> Inspection:
    """A photo with everything that a line keeps of it."""
    s3, tables = client("s3"), client("dynamodb")
    version = s3.put_object(Bucket="inbound", Key=name, Body=b"photo")["VersionId"]
    line, image = Line(), Image("inbound", name, version)
    line.claim(image, line.start(image))
    row = line.ledger.rows[inspection_id(image)]
    for _ in ("while it ran", "when it had ended"):
        s3.put_object(Bucket="history", Key=key(executions_of(row)[0]), Body=b"record")
    tables.put_item(TableName=SITE.ledger_table, Item=to_item(row))
    tables.put_item(TableName=SITE.audit_table, Item=values({"inspection_id": row.id, "at": "1"}))
    tables.put_item(TableName=SITE.token_table, Item=values({"inspection_id": row.id}))
    DynamoSearch(SITE.ledger_table, SITE.names_table).add_name(row)
    return row


def left() -> dict[str, int]:
    s3, tables = client("s3"), client("dynamodb")
    names = (SITE.ledger_table, SITE.audit_table, SITE.token_table, SITE.names_table)
    rows = {name: tables.scan(TableName=name)["Count"] for name in names}
    found = {name: s3.list_object_versions(Bucket=name) for name in BUCKETS}
    return rows | {
        name: len([*one.get("Versions", ()), *one.get("DeleteMarkers", ())]) for name, one in found.items()
    }


def test_nothing_of_a_photo_is_left_and_everything_of_another(tables: Any) -> None:
    for name in BUCKETS:
        place = {"LocationConstraint": "eu-central-1"}
        client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    kept("line 1/theirs.png")
    before = left()
    ours = kept("partcheck-smoke/partcheck-smoke-1-part.jpg")

    forget(SITE, ours)

    assert left() == before
    assert all(count > 0 for name, count in before.items() if name != "filed")
