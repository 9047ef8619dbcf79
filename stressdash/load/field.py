"""Fields of templates, `{{random 1..100}}` and its like: read from their text, made to functions of a number.

    request                 the request's number, from 1, unique in the run
    run                     the run's tag
    counter [START [STEP]]  START + STEP x (request - 1); from 0 by 1 without them
    counter LOW..HIGH       the same by 1, around and around
    random LOW..HIGH        a whole number, both ends included
    string N, hex N         N random letters and digits, or hexadecimal digits
    choice A|B|C            one of them
    uuid                    a random UUID
    NAME.COLUMN             of a row of the file that NAME stands for; `json NAME.COLUMN` quotes it as JSON

Every value is a function of the plan's seed, the field's place and the request's number, so a run can be
repeated, and a request made again, whichever worker sends it. All columns of a request are of the same row.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput
from stressdash.load.rows import Rows, cell_text

__all__ = ["Field", "Source", "Value", "parse_field"]

Value = Callable[[int], bytes | int]
"""From the request's number to what stands in the field's place."""

MASK: Final = (1 << 64) - 1
ALPHABETS: Final = {"string": string.ascii_letters + string.digits, "hex": "0123456789abcdef"}
LONGEST: Final = 4096
KNOWN: Final = (
    "request, run, counter, random LOW..HIGH, string N, hex N, choice A|B, uuid and, of rows, NAME.COLUMN"
)
SPAN: Final = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")
COUNTER: Final = re.compile(r"(?:(-?\d{1,18})(?: (-?\d{1,18}))?)?")
COLUMN: Final = re.compile(r"(?P<json>json )?(?P<rows>[A-Za-z_][\w-]*)\.(?P<column>[^{}\s]+)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `kind` says which of the others count."""

    kind: str
    """`request`, `run`, `counter`, `span`, `random`, `string`, `hex`, `choice`, `uuid` or `column`."""
    low: int = 0
    high: int = 0
    """Last value of `span` and `random`, step of `counter`, length of `string` and `hex`."""
    words: tuple[str, ...] = ()
    """Of `choice`; of a `column` the name of the rows and its own."""
    quoted: bool = False
    """A `column` as JSON."""


@dataclass(frozen=True, slots=True)
class Source:
    """What fields take their values from: the run, and all randomness there is."""

    run_tag: int
    seed: int = 0
    rows: Mapping[str, Rows] | None = None

    def value(self, field: Field, place: str, encode: Callable[[str], bytes]) -> Value:
        """Values of a field at a place; texts of choices and columns go through `encode`.

        Raises:
            BadInput: there are no such rows, or no such column.
        """
        seed = _mix(self.seed ^ _hash(place))
        if field.kind == "column":
            return self._column(field, encode)
        if field.kind == "choice":
            words = [encode(word) for word in field.words]
            return lambda number: words[_mix(seed + number) % len(words)]
        if field.kind == "uuid":
            return lambda number: _uuid(_mix(seed + number), _mix(seed - number))
        if field.kind in ALPHABETS:
            return lambda number: _letters(ALPHABETS[field.kind], field.high, seed + number)
        return _whole_number(field, seed)

    def _column(self, field: Field, encode: Callable[[str], bytes]) -> Value:
        name, column = field.words
        rows = (self.rows or {}).get(name)
        if rows is None:
            raise BadInput(
                f"a template asks for {name}.{column}, but no rows have the name {name!r}; give --rows"
            )
        if column not in rows.columns:
            raise BadInput(
                f"the rows {name!r} have no column {column!r}; they have {', '.join(rows.columns)}"
            )
        at = rows.columns.index(column)
        texts = [encode(row[at] if field.quoted else cell_text(row[at])) for row in rows.cells]
        if rows.order == "sequential":
            return lambda number: texts[(number - 1) % len(texts)]
        seed = _mix(self.seed ^ _hash(name))
        return lambda number: texts[_mix(seed + number) % len(texts)]


def _whole_number(field: Field, seed: int) -> Value:
    if field.kind == "counter":
        return lambda number: field.low + field.high * (number - 1)
    count = field.high - field.low + 1
    if field.kind == "span":
        return lambda number: field.low + (number - 1) % count
    return lambda number: field.low + _mix(seed + number) % count


def parse_field(text: str) -> Field:
    """A field from what stands between its braces.

    Raises:
        BadInput: it is none; the sentence says which there are.
    """
    kind, _, rest = " ".join(text.split()).partition(" ")
    if kind in {"request", "run", "uuid"} and not rest:
        return Field(kind)
    if kind in {"counter", "random"} and (match := SPAN.fullmatch(rest)):
        low, high = int(match[1]), int(match[2])
        if low > high:
            raise BadInput(f"the field {text.strip()[:40]!r} counts down; write {high}..{low}")
        return Field("span" if kind == "counter" else kind, low, high)
    if kind == "counter" and (match := COUNTER.fullmatch(rest)):
        return Field(kind, int(match[1] or 0), int(match[2] or 1))
    if kind in ALPHABETS and rest.isascii() and rest.isdigit() and 1 <= int(rest) <= LONGEST:
        return Field(kind, high=int(rest))
    if kind == "choice" and len(words := text.strip().removeprefix("choice").strip().split("|")) > 1:
        return Field(kind, words=tuple(word.strip() for word in words))
    if match := COLUMN.fullmatch(" ".join(text.split())):
        return Field("column", words=(match["rows"], match["column"]), quoted=match["json"] is not None)
    raise BadInput(f"a template has no field {text.strip()[:40]!r}; there are {KNOWN}")


def _mix(value: int) -> int:
    """64 bits that follow from the value as if by chance: SplitMix64 (Steele, Lea and Flood, 2014)."""
    value = (value * 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & MASK
    return value ^ value >> 31


def _hash(text: str) -> int:
    """The same in every process, unlike `hash`."""
    value = 0
    for char in text.encode():
        value = _mix(value ^ char)
    return value


def _uuid(high: int, low: int) -> bytes:
    """Version 4 (RFC 9562) of these bits."""
    return b"%08x-%04x-4%03x-%04x-%012x" % (
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        0x8000 | low >> 48 & 0x3FFF,
        low & 0xFFFF_FFFF_FFFF,
    )


def _letters(alphabet: Sequence[str], length: int, seed: int) -> bytes:
    size, letters = len(alphabet), []
    bits = 0
    for place in range(length):
        if place % 8 == 0:  # eight letters leave no bias that a test could see
            bits = _mix(_mix(seed) + place)
        bits, letter = divmod(bits, size)
        letters.append(alphabet[letter])
    return "".join(letters).encode()
