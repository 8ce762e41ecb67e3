"""What runs a model. ``load_classifier`` picks the engine for a model and a machine."""
