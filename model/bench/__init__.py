"""``barometer bench engine``: the engine next to the ways people usually run the same model.

    restore      the shipped int8 model back in the transformers library's form, in float32
    contestants  ways to run it: Barometer's, the library's pipeline, torch, ONNX Runtime
    rounds       each contestant in a process of its own; rounds take turns
    limit        how many tweets a second the CPU's arithmetic would allow
    report       one JSON object, or tables

All get the same texts, cleaned in the same way, and every time covers text to
probabilities: cleaning, tokens and network.
"""
