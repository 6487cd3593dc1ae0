"""Where it runs on AWS: one stack, deployed by CDK."""
