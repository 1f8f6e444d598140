"""A graph as an SVG image: a box for each input, node and output, coloured by who runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from sklort.cli.layout import lay_out
from sklort.graph.ir import Graph, ValueInfo

MOST_NODES = 400
BOLD, LETTER, LINE, PAD, BETWEEN = 7.8, 6.4, 16, 8, 38
"""Of letters, of lines, and of the room within a box and between layers, in pixels."""
WIDEST = 40
"""Letters in a line of a box."""
COLOURS = {
    "CPUExecutionProvider": ("#e3eefb", "#0b62c4"),
    "CUDAExecutionProvider": ("#e2f4e8", "#2f8f5b"),
    "ReferenceExecutionProvider": ("#fdebd3", "#c25e00"),
}
NEUTRAL, PORT = ("#f2f3f5", "#8a9099"), ("#ffffff", "#22272e")
STYLE = (
    "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#22272e}.b{font-weight:600}.s{font-size:11px;fill:#5b6470}"
)


class Note(NamedTuple):
    """What is said of a node: who runs it, and further lines for its box and for its tooltip."""

    provider: str
    lines: tuple[str, ...] = ()
    tooltip: str = ""


class _Box(NamedTuple):
    title: str
    lines: tuple[str, ...]
    tooltip: str
    colours: tuple[str, str]
    round: bool

    @property
    def width(self) -> float:
        return max(BOLD * len(self.title), *(LETTER * len(line) for line in self.lines), 0) + 2 * PAD

    @property
    def height(self) -> float:
        return LINE * (1 + len(self.lines)) + PAD


def draw(graph: Graph, notes: Mapping[str, Note]) -> str:
    """The SVG text of a graph.

    Parameters
    ----------
    graph : Graph
    notes : mapping of str to Note
        By `Node.label`. Nodes without one are neutral.

    Raises
    ------
    ValueError
        The graph has too many nodes for a picture to be of use.
    """
    if len(graph.nodes) > MOST_NODES:
        raise ValueError(
            f"the graph has {len(graph.nodes):,} nodes, and a picture is readable up to some {MOST_NODES}: draw what "
            "runs, which is often smaller (--plan), or read it as text (--graph)"
        )
    boxes = [_port(value) for value in graph.inputs]
    made = {value.name: number for number, value in enumerate(graph.inputs)}
    edges: list[tuple[int, int]] = []
    for node in graph.nodes:
        number = len(boxes)
        note = notes.get(node.label)
        inner = tuple(f"{name}: {len(body.nodes)} nodes" for name, body in node.named_subgraphs)
        lines = [node.name, *inner, *(note.lines if note else ())]
        colours = COLOURS.get(note.provider, NEUTRAL) if note else NEUTRAL
        title = f"{node.domain}:{node.op_type}" if node.domain else node.op_type
        tooltip = "\n".join(filter(None, [node.label, note.provider if note else "", note.tooltip if note else ""]))
        boxes.append(_Box(_cut(title), tuple(_cut(line) for line in lines if line), tooltip, colours, False))
        edges += [(made[name], number) for name in node.reads if name in made]
        made.update((name, number) for name in node.outputs if name)
    for value in graph.outputs:
        if value.name in made:
            edges.append((made[value.name], len(boxes)))
        boxes.append(_port(value))
    return _svg(graph.name, boxes, list(dict.fromkeys(edges)), _legend(boxes))


def _port(value: ValueInfo) -> _Box:
    shape = getattr(value.type, "shape", None)
    dims = "" if shape is None else f"[{', '.join('?' if dim is None else str(dim) for dim in shape)}]"
    return _Box(_cut(value.name), (_cut(f"{value.type or ''}{dims}"),), value.name, PORT, True)


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _legend(boxes: Sequence[_Box]) -> list[tuple[str, tuple[str, str]]]:
    used = {box.colours for box in boxes}
    known = [(name.removesuffix("ExecutionProvider"), colours) for name, colours in COLOURS.items()]
    return [*(one for one in known if one[1] in used), *([("folded or fused", NEUTRAL)] if NEUTRAL in used else [])]


def _svg(
    title: str, boxes: Sequence[_Box], edges: list[tuple[int, int]], legend: list[tuple[str, tuple[str, str]]]
) -> str:
    found = lay_out([box.width for box in boxes], edges)
    heights = [0.0] * (max(found.layer, default=-1) + 1)
    for box, at in zip(boxes, found.layer):
        heights[at] = max(heights[at], box.height)
    margin, tops = 16.0, [44.0]
    for height in heights:
        tops.append(tops[-1] + height + BETWEEN)
    width = max([x + box.width / 2 for x, box in zip(found.x, boxes)] + [110.0 * len(legend) + 60]) + 2 * margin
    extent = f'width="{width:.0f}" height="{tops[-1]:.0f}" viewBox="0 0 {width:.0f} {tops[-1]:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {extent} role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, (name, colours) in enumerate(legend):
        x = margin + 110 * number
        parts.append(_rect(x, 14, 14, 14, colours, 3) + f'<text class="s" x="{x + 20}" y="25">{escape(name)}</text>')
    for (source, _), way in zip(edges, found.ways):
        points: list[tuple[float, float, float]] = []  # x, and where the edge comes in and goes out
        for x, at in way:
            bottom = tops[at] + (boxes[source].height if not points else heights[at])
            points.append((x + margin, tops[at], bottom))
        path = f"M{points[0][0]:.1f},{points[0][2]:.1f}"
        for (x, _, y), (to_x, to_y, to_end) in pairwise(points):
            middle = (y + to_y) / 2
            path += f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
            path += f"V{to_end:.1f}" if (to_x, to_y, to_end) != points[-1] else ""
        x, y = points[-1][0], points[-1][1]
        parts.append(f'<path d="{path}" fill="none" stroke="#9aa2ad"/>')
        parts.append(f'<path d="M{x - 4:.1f},{y - 6:.1f}L{x:.1f},{y:.1f}L{x + 4:.1f},{y - 6:.1f}Z" fill="#9aa2ad"/>')
    for box, x, at in zip(boxes, found.x, found.layer):
        left, top = x + margin - box.width / 2, tops[at]
        lines = [f'<text class="b" x="{left + PAD:.1f}" y="{top + 16:.1f}">{escape(box.title)}</text>']
        lines += [
            f'<text class="s" x="{left + PAD:.1f}" y="{top + 16 + LINE * number:.1f}">{escape(line)}</text>'
            for number, line in enumerate(box.lines, 1)
        ]
        shape = _rect(left, top, box.width, box.height, box.colours, 12 if box.round else 4)
        parts.append(f"<g><title>{escape(box.tooltip)}</title>{shape}{''.join(lines)}</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rect(x: float, y: float, width: float, height: float, colours: tuple[str, str], corner: int) -> str:
    fill, stroke = colours
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{corner}" '
        f'fill="{fill}" stroke="{stroke}"/>'
    )
