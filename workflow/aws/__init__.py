"""The domain's ports on AWS: the only home of boto3."""
