"""What a file is, told by its bytes: compression, format, encoding, digest.

The whole file is read once, since the one byte that is not UTF-8 may be its
last. Names and extensions decide nothing.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from infra.errors import UsageError
from stream.replay.options import ReplayOptions

SAMPLE_BYTES = 1 << 20
"""The start of the file from which format and dialect are told."""
_CHUNK = 1 << 20
_ODD_SAMPLE = 1 << 17
_NON_LATIN_SHARE = 0.4
"""Where less of the letters in odd lines is beyond ASCII, the language is written in Latin letters. Measured: above it
charset-normalizer is right for Russian, Greek, Arabic, Japanese and Chinese; below it takes French for Czech."""
_NON_LATIN = [
    *("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874"),
    *("cp932", "euc_jp", "iso2022_jp", "gb18030", "big5", "cp949"),
]
"""Encodings still met, one for each script and way of writing it. Rarer ones resemble these too much; ask for them."""
_UNDEFINED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")

_CONTROLS = [chr(code) for code in (0, *range(2, 8), *range(0x0E, 0x1B), 0x7F)]
"""But for those that are used as separators, in layouts and for colours."""
_CONTROL_SHARE = 0.05
"""Text has next to none, random bytes 11%, programs and pictures more."""

_SENTIMENT140 = re.compile(rb'"?[024]"?,"?\d+"?,"?\w{3} \w{3} \d\d \d\d:\d\d:\d\d \w{3,4} \d{4}"?,')

_REFUSED = {
    b"PK\x03\x04": "is a zip archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"BZh": "is compressed with bzip2: unpack it (bunzip2), or use gzip",
    b"\xfd7zXZ": "is compressed with xz: unpack it (unxz), or use gzip",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: unpack it (unzstd), or use gzip",
    b"%PDF": "is a PDF",
    b"SQLite format 3": "is an SQLite database: export the table as CSV",
}


@dataclass(frozen=True)
class Content:
    """A file and how its bytes are to be read.

    ``digest`` is the SHA-256 of the unpacked bytes, so that a file and its
    gzipped copy are the same file. ``odd_bytes``: some bytes are not of the
    encoding, and come out as lone surrogates. ``has_nul``: NUL bytes where text
    has none.
    """

    path: Path
    gzipped: bool
    format: Literal["csv", "jsonl", "parquet"]
    encoding: str
    digest: str
    odd_bytes: bool
    has_nul: bool
    sample: bytes

    def open(self) -> IO[bytes]:
        """The unpacked bytes; seekable where the format needs it."""
        packed = open_bytes(self.path, gzipped=self.gzipped)
        if not (self.gzipped and self.format == "parquet"):
            return packed
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it, which removes it)
        with packed:
            shutil.copyfileobj(packed, unpacked)
        unpacked.seek(0)
        return cast("IO[bytes]", unpacked)

    def open_text(self, newline: str) -> IO[str]:
        """The text, with bytes that are not of the encoding as lone surrogates."""
        wide = self.encoding.startswith(("utf-16", "utf-32"))  # surrogateescape needs an ASCII superset
        errors = "replace" if wide else "surrogateescape"
        return io.TextIOWrapper(
            cast("io.BufferedReader", self.open()), encoding=self.encoding, errors=errors, newline=newline
        )


def open_bytes(path: Path, *, gzipped: bool) -> IO[bytes]:
    """The file's bytes, unpacked."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if gzipped else path.open("rb")


def detect(options: ReplayOptions) -> Content:
    """Read the file once and say what it is.

    Raises UsageError when it cannot be read, or is nothing that holds tweets.
    """
    path = options.path
    try:
        with path.open("rb") as file:
            magic = file.read(16)
        gzipped = magic.startswith(b"\x1f\x8b")
        scan = _scan(path, gzipped=gzipped)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{path} is damaged gzip ({error}); make or download it again") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    for start, what in _REFUSED.items():
        if scan.sample.startswith(start):
            raise UsageError(f"{path} {what}")
    if not scan.sample.strip():
        raise UsageError(f"{path} is empty")
    kind = options.format if options.format != "auto" else _format_of(scan.sample)
    if kind == "parquet":
        return Content(path, gzipped, kind, "", scan.digest, odd_bytes=False, has_nul=False, sample=b"")
    encoding, odd_bytes = _encoding_of(options, scan, gzipped=gzipped)
    wide = encoding.startswith(("utf-16", "utf-32"))
    content = Content(path, gzipped, kind, encoding, scan.digest, odd_bytes, scan.nul and not wide, scan.sample)
    _require_text(content)
    if kind == "jsonl" and _decoded(content).lstrip().startswith("["):
        raise UsageError(f"{path} is one JSON array; write an object on each line: jq -c '.[]' {path} > tweets.jsonl")
    return content


def _require_text(content: Content) -> None:
    """Refuse programs, pictures, weights and the like, of which every line would make a row or a complaint."""
    text = content.sample.decode(content.encoding, "replace")
    controls = sum(map(text.count, _CONTROLS))
    if controls > _CONTROL_SHARE * len(text):
        raise UsageError(
            f"{content.path} is not a text file: {controls / len(text):.0%} of what it starts with are control "
            "characters; give a CSV, JSONL or Parquet file, or name its encoding with --encoding"
        )


@dataclass(frozen=True)
class _Scan:
    digest: str
    valid_utf8: bool
    nul: bool
    sample: bytes


def _scan(path: Path, *, gzipped: bool) -> _Scan:
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, nul, sample = True, False, b""
    with open_bytes(path, gzipped=gzipped) as file:
        while chunk := file.read(_CHUNK):
            if len(sample) < SAMPLE_BYTES:
                sample += chunk[: SAMPLE_BYTES - len(sample)]
            digest.update(chunk)
            nul = nul or b"\0" in chunk
            valid = valid and _decodes(decoder, chunk, final=False)
    valid = valid and _decodes(decoder, b"", final=True)
    return _Scan(digest.hexdigest(), valid, nul, sample)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _format_of(sample: bytes) -> Literal["csv", "jsonl", "parquet"]:
    if sample.startswith(b"PAR1"):
        return "parquet"
    start = sample.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
    return "jsonl" if start in {b"{", b"["} else "csv"


def _decoded(content: Content) -> str:
    return content.sample[:4096].decode(content.encoding, "replace")


def _encoding_of(options: ReplayOptions, scan: _Scan, *, gzipped: bool) -> tuple[str, bool]:
    """The encoding, and whether some bytes may not be of it."""
    if options.encoding:
        try:
            name = codecs.lookup(options.encoding).name
            "a".encode(name)  # refused by hex, rot13 and the like, which are codecs too
        except LookupError:
            raise UsageError(
                f"encoding {options.encoding!r} is not known; for example utf-8, cp1252, latin-1, utf-16"
            ) from None
        if name == "utf-8" and scan.sample.startswith(codecs.BOM_UTF8):
            name = "utf-8-sig"
        return name, not (name.startswith("utf-8") and scan.valid_utf8)
    if scan.sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32", False
    if scan.sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", False
    if wide := _utf16_without_mark(scan.sample):
        return wide, False
    utf8 = "utf-8-sig" if scan.sample.startswith(codecs.BOM_UTF8) else "utf-8"
    if scan.valid_utf8:
        return utf8, False
    if _SENTIMENT140.match(scan.sample):
        return "latin-1", False  # as its authors made it; parts of it are also valid UTF-8
    return _encoding_of_odd_lines(options.path, utf8, gzipped=gzipped)


def _utf16_without_mark(sample: bytes) -> str | None:
    """Mostly Latin text in UTF-16 has a NUL in every other byte."""
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > 0.3 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.3 * half:
        return "utf-16-be"
    return None


def _encoding_of_odd_lines(path: Path, utf8: str, *, gzipped: bool) -> tuple[str, bool]:
    """Tell UTF-8 with a few damaged lines from another encoding, by which lines there are more of."""
    good = odd = 0
    odd_bytes: set[int] = set()
    sample = bytearray()
    with open_bytes(path, gzipped=gzipped) as file:
        for line in _lines(file):
            if line.isascii():
                continue
            try:
                line.decode()
                good += 1
            except UnicodeDecodeError:
                odd += 1
                odd_bytes.update(line)
                if len(sample) < _ODD_SAMPLE:
                    sample += line
    if good >= odd:
        return utf8, True
    beyond = sum(byte >= 0x80 for byte in sample)
    letters = sum(chr(byte).isalpha() for byte in sample if byte < 0x80)
    if beyond > _NON_LATIN_SHARE * (beyond + letters):
        from charset_normalizer import from_bytes

        best = from_bytes(bytes(sample), cp_isolation=_NON_LATIN).best()
        if best is not None:
            return best.encoding, True
    if not any(0x80 <= byte <= 0x9F for byte in odd_bytes):
        return "latin-1", False
    return ("latin-1", False) if odd_bytes & _UNDEFINED_IN_CP1252 else ("cp1252", False)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of bounded length, so that a file without line ends does not fill the memory."""
    return iter(lambda: file.readline(_CHUNK), b"")
