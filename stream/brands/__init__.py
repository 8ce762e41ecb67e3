"""Which brands a tweet is about, found by rules that a person can read.

``brands.yaml`` holds the bundled rules and explains how to write others,
``file`` reads such a file, ``text`` makes texts comparable, ``rules`` finds.
"""

from __future__ import annotations

from stream.brands.rules import Brand, BrandRules

__all__ = ["Brand", "BrandRules"]
