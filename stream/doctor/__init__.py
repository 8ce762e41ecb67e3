"""Doctor: what is missing or wrong here, and what mends it.

    finding        one thing that was looked at
    machine        Python, packages, disk, memory, ports, Java, the local Kafka's files
    configuration  settings, unknown variables, security, brands
    labels         the model, by labelling a text
    kafka          reach, rights, topics, the workers' group, clocks
    run            all of them at once, within a time

Nothing is changed, nothing is written, and no secret is shown.
"""
