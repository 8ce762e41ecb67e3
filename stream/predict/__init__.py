"""Predict: a file of texts becomes the same file with labels, without Kafka.

    run      rows in, labelled parts out, the file at the end
    job      the folder of parts beside the output, from which an interrupted run goes on
    table    the columns of the output: those of the input, then what the model says
    formats  CSV, JSON Lines and Parquet: how a part is written, and how parts become a file
    command  what is shown

The file is read as ``barometer replay`` reads it, and a text is refused as the
stream would refuse it. Its time does not matter.
"""
