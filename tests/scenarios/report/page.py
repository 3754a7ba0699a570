"""A page as it stands in a file, taken apart."""

from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "br", "hr", "img", "input", "image", "path", "use", "rect"}


class Page(HTMLParser):
    """What a page holds.

    Attributes
    ----------
    tags
        Every element, with its attributes.
    figures
        The exact value of each headline figure, by key.
    tables
        By name: the heads of its columns, and its rows; a cell is its text, or its exact value where it has one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.figures: dict[str, str] = {}
        self.tables: dict[str, tuple[list[str], list[list[str]]]] = {}
        self._table = ""
        self._in: list[str] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in VOID:
            self._in.append(tag)
        if tag == "table":
            self._table = found["data-table"] or ""
            self.tables[self._table] = ([], [])
        elif tag == "tr" and "tbody" in self._in:
            self.tables[self._table][1].append([])
        elif tag == "td":
            self.tables[self._table][1][-1].append("")
        elif tag == "data" and "td" in self._in:
            self.tables[self._table][1][-1][-1] = found["value"] or ""
        elif tag == "data":
            self.figures[found["data-figure"] or ""] = found["value"] or ""

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._in and self._in[-1] == "th":
            self.tables[self._table][0].append(data)
        elif self._in and self._in[-1] == "td":
            self.tables[self._table][1][-1][-1] = data
