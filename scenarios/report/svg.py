"""A picture in a file, made fit to stand in a page: nothing of it can run, load, or clash with another."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from scenarios.errors import ScenarioError

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

DRAWN = {
    "svg",
    "g",
    "path",
    "defs",
    "use",
    "clipPath",
    "rect",
    "circle",
    "line",
    "polyline",
    "polygon",
    "style",
    "image",
}
"""Elements that draw; all others, such as scripts, are left out."""


def inline(path: Path, title: str) -> str:
    """The picture as an element of a page, with a title for who cannot see it.

    Raises
    ------
    ScenarioError
        If the file holds none.
    """
    try:
        root = ET.fromstring(path.read_bytes())  # noqa: S314 - expat loads nothing from elsewhere
    except ET.ParseError as error:
        raise ScenarioError(f"{path} is no SVG: {error}; remove it, or have bidswarm report draw it anew") from error
    _clean(root, f"{path.stem}-")
    heading = ET.Element(f"{{{SVG}}}title", {"id": f"{path.stem}-title"})
    heading.text = title
    root.insert(0, heading)
    root.attrib.update({"role": "img", "aria-labelledby": f"{path.stem}-title"})
    for size in ("width", "height"):
        root.attrib.pop(size, None)  # the page says how wide it is
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element, prefix: str) -> None:
    """Keep what draws, and give every name in the element and below it the prefix."""
    for child in list(element):
        if str(child.tag).removeprefix(f"{{{SVG}}}") in DRAWN:
            _clean(child, prefix)
        else:
            element.remove(child)
    for name, value in list(element.attrib.items()):
        local = name.rpartition("}")[2]
        if local.startswith("on") or (local == "href" and not value.startswith(("#", "data:image/png;"))):
            del element.attrib[name]
        elif local == "id":
            element.attrib[name] = prefix + value
        elif local == "href" and value.startswith("#"):
            element.attrib[name] = f"#{prefix}{value[1:]}"
        else:
            element.attrib[name] = re.sub(r"url\(#", f"url(#{prefix}", value)
