"""A local Amazon Rekognition Custom Labels: the protocol, a model's life, real learning."""
