"""The dashboards: one file each, with a function ``dashboard``."""
