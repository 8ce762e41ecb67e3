"""Fine-tuning: a labelled file and a config in, weights with their provenance out.

``config`` says what is trained, ``network`` is its shape, ``run`` does it with
transformers' Trainer, so a killed run resumes from its last checkpoint.
"""
