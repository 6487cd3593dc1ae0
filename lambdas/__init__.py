"""How Step Functions and the queues reach the domain: one function a file."""
