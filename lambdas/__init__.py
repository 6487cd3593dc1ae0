"""Lambda functions: Step Functions, queues, schedules and the review app call them. One function a file."""
