"""AWS's list prices in US dollars, each with the page it stands on and the year from which it is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs in the region us-east-1; most others are within a fifth of it."""

    usd: float
    unit: str
    page: str
    known: str = "2025"


HOURS_A_MONTH = 730
MILLION = 1_000_000

PRICES = {
    "model": Price(4.0, "inference unit and hour", "rekognition/pricing", "2026"),
    "training": Price(1.0, "training hour", "rekognition/pricing", "2026"),
    "transition": Price(0.025 / 1000, "state transition", "step-functions/pricing", "2026"),
    "function second": Price(0.0000133334, "GB-second, arm64", "lambda/pricing"),
    "function call": Price(0.20 / MILLION, "call", "lambda/pricing"),
    "table write": Price(0.625 / MILLION, "write unit, 1 KB, on demand", "dynamodb/pricing/on-demand"),
    "table read": Price(0.125 / MILLION, "read unit, 4 KB, on demand", "dynamodb/pricing/on-demand"),
    "table storage": Price(0.25 + 0.20, "GB and month, with recovery", "dynamodb/pricing/on-demand"),
    "object write": Price(0.005 / 1000, "PUT, COPY or LIST", "s3/pricing"),
    "object read": Price(0.0004 / 1000, "GET", "s3/pricing"),
    "storage": Price(0.023, "GB and month, Standard", "s3/pricing"),
    "old storage": Price(0.004, "GB and month, Glacier Instant Retrieval", "s3/pricing"),
    "event": Price(1.00 / MILLION, "event of S3 through EventBridge", "eventbridge/pricing"),
    "message": Price(0.40 / MILLION, "request to SQS", "sqs/pricing"),
    "log": Price(0.50, "GB of log", "cloudwatch/pricing"),
    "alarm": Price(0.10, "metric of an alarm and month", "cloudwatch/pricing"),
    "metric": Price(0.30, "own metric and month", "cloudwatch/pricing"),
    "trace": Price(5.0 / MILLION, "X-Ray trace", "xray/pricing"),
    "machine": Price(0.0168, "t4g.small and hour", "ec2/pricing/on-demand"),
    "disk": Price(0.08, "GB of gp3 and month", "ebs/pricing"),
    "address": Price(0.005, "public IPv4 address and hour", "vpc/pricing"),
    "balancer": Price(
        0.0225 + 0.008, "load balancer with one capacity unit and hour", "elasticloadbalancing/pricing"
    ),
    "secret": Price(0.40, "secret and month", "secrets-manager/pricing"),
    "container CPU": Price(0.03238, "Fargate vCPU, arm64, and hour", "fargate/pricing"),
    "container memory": Price(0.00356, "Fargate GB, arm64, and hour", "fargate/pricing"),
}


def usd(name: str, units: float) -> float:
    """What some units cost."""
    return PRICES[name].usd * units
