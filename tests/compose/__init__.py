"""The compose stack, really started: ``make compose-test``. Where images cannot be pulled, on stand-ins for them.

images/   what the stand-ins are made of: the same programs, users and paths as in the real images
stand_ins makes them
engine    a Docker engine and compose, those that are there or of our own
run       starts the stack, breaks it, looks, and takes it down
"""
