"""The flow.

    file / any producer --> tweets --> classify --> tweets.labeled --> aggregate --> reputation.windows
                                          |          + watermarks          |
                                          +--> tweets.dead <---------------+--> reputation.panes (own state)

``records`` says what is on each topic and ``topics`` how each is made. Stages
(``replay``, ``classify``, ``aggregate``) do not import each other; ``topology``
connects them and ``worker`` composes everything.
"""
