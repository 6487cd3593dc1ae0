"""A local Amazon Rekognition Custom Labels service: its protocol, the model life cycle, and real training."""
