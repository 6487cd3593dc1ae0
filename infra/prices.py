"""AWS's list prices in US dollars, each with the page it stands on and the day on which it was read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A page of AWS with prices: its title, and where it lies below aws.amazon.com."""

    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs in the region us-east-1; most others are within a fifth of it.

    `read` is the day of the AWS price list, or of its page, that had the price; empty where none was found.
    """

    usd: float
    unit: str
    page: Page
    read: str


HOURS_A_MONTH = 730
MILLION = 1_000_000

REKOGNITION = Page("Amazon Rekognition Pricing", "rekognition/pricing")
STEP_FUNCTIONS = Page("AWS Step Functions Pricing", "step-functions/pricing")
LAMBDA = Page("AWS Lambda Pricing", "lambda/pricing")
DYNAMODB = Page("Amazon DynamoDB Pricing for On-Demand Capacity", "dynamodb/pricing/on-demand")
S3 = Page("Amazon S3 Pricing", "s3/pricing")
EVENTBRIDGE = Page("Amazon EventBridge Pricing", "eventbridge/pricing")
SQS = Page("Amazon SQS Pricing", "sqs/pricing")
CLOUDWATCH = Page("Amazon CloudWatch Pricing", "cloudwatch/pricing")
XRAY = Page("AWS X-Ray Pricing", "xray/pricing")
EC2 = Page("Amazon EC2 On-Demand Pricing", "ec2/pricing/on-demand")
EBS = Page("Amazon EBS Pricing", "ebs/pricing")
VPC = Page("Amazon VPC Pricing", "vpc/pricing")
BALANCING = Page("Elastic Load Balancing Pricing", "elasticloadbalancing/pricing")
SECRETS = Page("AWS Secrets Manager Pricing", "secrets-manager/pricing")
FARGATE = Page("AWS Fargate Pricing", "fargate/pricing")

PRICES = {
    "model": Price(4.0, "inference unit and hour", REKOGNITION, "2026-10"),
    "training": Price(1.0, "training hour", REKOGNITION, ""),
    "transition": Price(0.025 / 1000, "state transition", STEP_FUNCTIONS, "2026-09-06"),
    "function second": Price(0.0000133334, "GB-second, arm64", LAMBDA, "2026-09-19"),
    "function call": Price(0.20 / MILLION, "call", LAMBDA, "2026-09-20"),
    "table write": Price(0.625 / MILLION, "write unit, 1 KB, on demand", DYNAMODB, "2026-09-11"),
    "table read": Price(0.125 / MILLION, "read unit, 4 KB, on demand", DYNAMODB, "2026-09-11"),
    "table storage": Price(0.25 + 0.20, "GB and month, with recovery", DYNAMODB, "2026-09"),
    "object write": Price(0.005 / 1000, "PUT, COPY or LIST", S3, "2026-09-28"),
    "object read": Price(0.0004 / 1000, "GET", S3, "2026-09-28"),
    "storage": Price(0.023, "GB and month, Standard", S3, "2026-09-28"),
    "old storage": Price(0.004, "GB and month, Glacier Instant Retrieval", S3, "2026-09-28"),
    "event": Price(1.00 / MILLION, "event of S3 through EventBridge", EVENTBRIDGE, "2026-09-23"),
    "message": Price(0.40 / MILLION, "request to SQS", SQS, "2026-09-11"),
    "log": Price(0.50, "GB of log", CLOUDWATCH, "2026-09-15"),
    "alarm": Price(0.10, "metric of an alarm and month", CLOUDWATCH, "2026-08-31"),
    "metric": Price(0.30, "own metric and month", CLOUDWATCH, "2026-08-31"),
    "dashboard": Price(3.00, "dashboard and month", CLOUDWATCH, "2026-02"),
    "trace": Price(5.0 / MILLION, "X-Ray trace", XRAY, "2026-09"),
    "machine": Price(0.0168, "t4g.small and hour", EC2, "2026-10-02"),
    "disk": Price(0.08, "GB of gp3 and month", EBS, "2026-10-02"),
    "address": Price(0.005, "public IPv4 address and hour", VPC, "2026-10-02"),
    "balancer": Price(
        0.0225 + 0.008, "load balancer with one capacity unit and hour", BALANCING, "2026-09-11"
    ),
    "secret": Price(0.40, "secret and month", SECRETS, "2026-09-11"),
    "container CPU": Price(0.03238, "Fargate vCPU, arm64, and hour", FARGATE, "2026-08-28"),
    "container memory": Price(0.00356, "Fargate GB, arm64, and hour", FARGATE, "2026-08-28"),
}


def usd(name: str, units: float) -> float:
    """What some units cost."""
    return PRICES[name].usd * units
