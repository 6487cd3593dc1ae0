"""The life of a model: status, evaluation, promotion, and capacity."""
