"""The frame of an HTML report: one file that loads nothing, runs nothing, and carries its data.

The content security policy allows one style sheet, by its hash. The data lie in a script element of type
`application/json`, which browsers do not execute. Everything untrusted goes through `text`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape as quote
from importlib.resources import files

from stressdash.text import escape

__all__ = ["listed", "page", "section", "table", "text"]


def page(title: str, body: str, data: str, data_id: str) -> str:
    """The whole file.

    Args:
        title: Untrusted.
        body: HTML.
        data: JSON text.
        data_id: Id of the element that holds it.
    """
    style = files(__package__).joinpath("report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # In JSON only strings can hold a `<`, where the escape means the same and cannot end the element.
    data = data.replace("<", "\\u003c")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>stressdash {text(title, 120)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="{data_id}">\n{data}</script>\n</body>\n</html>\n'
    )


def text(words: object, limit: int = 500) -> str:
    """Untrusted words as HTML that shows them."""
    return quote(escape(str(words), limit))


def section(title: str, content: str) -> str:
    """A part of the page; nothing where there is nothing to show."""
    return f"<section><h2>{title}</h2>\n{content}\n</section>" if content else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], text_columns: Sequence[int] = ()) -> str:
    """A table of cells that are already HTML."""

    def line(tag: str, cells: Sequence[str]) -> str:
        kinds = [' class="text"' if column in text_columns else "" for column in range(len(cells))]
        written = (f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
        return f"<tr>{''.join(written)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<table><thead>{line('th', header)}</thead><tbody>{body}</tbody></table>"


def listed(sentences: Sequence[str]) -> str:
    """Untrusted sentences as a list; nothing when there are none."""
    items = "".join(f"<li>{text(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""
