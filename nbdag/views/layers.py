"""A plain layered layout: boxes in ranks, few crossings, arrows that go around boxes.

The classic steps (Sugiyama, Tagawa, Toda 1981) in their simplest form, for where no Graphviz is at hand: ranks by the
longest path; a bend in each rank that a long arrow crosses; order in a rank by the mean of the neighbours, swept up
and down; places by the same mean, kept apart. `across` is the axis within a rank, `along` the one from rank to rank.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nbdag.views.folding import depths

_GAP_ACROSS, _GAP_ALONG, _GAP_BEND = 20.0, 42.0, 10.0
_SWEEPS = 6
_MOST_BENDS = 5000

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are: centres of the boxes and points of the arrows, as (across, along)."""

    centres: tuple[tuple[float, float], ...]
    paths: tuple[tuple[tuple[float, float], ...], ...]
    """For each edge: the middle of the tail's far side, its bends (where it enters and leaves each rank it crosses),
    the middle of the head's near side."""
    across: float
    along: float


def place(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge]) -> Layout:
    """A layout for boxes of these sizes (across, along) and edges without circles.

    >>> place([(100, 20), (60, 20)], [(0, 1)]).centres
    ((50.0, 10.0), (50.0, 72.0))
    """
    rank = _ranks(len(sizes), edges)
    chains, sizes, rank = _bends(list(sizes), edges, rank)
    links = [link for chain in chains for link in pairwise(chain)]
    above, below = _neighbours(len(sizes), links)
    rows = _ordered(rank, above, below)
    across = _across(rows, sizes, above, below)
    along, depth_of_row = _along(rows, sizes)
    width = max(place + size[0] / 2 for place, size in zip(across, sizes, strict=True))
    boxes = range(len(sizes))
    centres = tuple((across[box], along[rank[box]]) for box in boxes)
    paths = tuple(_path(chain, centres, sizes, [depth_of_row[rank[node]] for node in chain]) for chain in chains)
    return Layout(centres, paths, width, along[-1] + depth_of_row[-1] / 2)


def _ranks(size: int, edges: Sequence[Edge]) -> list[int]:
    """Ranks with boxes that have nothing above them moved down to just above what they feed."""
    rank = depths(size, edges)
    fed: dict[int, int] = {}
    fed_by_some = {head for _, head in edges}
    for tail, head in edges:
        fed[tail] = min(fed.get(tail, rank[head]), rank[head])
    return [fed[box] - 1 if box in fed and box not in fed_by_some else rank[box] for box in range(size)]


def _bends(
    sizes: list[tuple[float, float]], edges: Sequence[Edge], rank: list[int]
) -> tuple[list[list[int]], list[tuple[float, float]], list[int]]:
    """A thin box of no depth in each rank that an edge crosses."""
    crossed = sum(rank[head] - rank[tail] - 1 for tail, head in edges)
    if crossed > _MOST_BENDS:
        return [[tail, head] for tail, head in edges], sizes, rank
    chains = []
    for tail, head in edges:
        bends = range(rank[tail] + 1, rank[head])
        first = len(sizes)
        sizes.extend([(_GAP_BEND, 0.0)] * len(bends))
        rank = [*rank, *bends] if bends else rank
        chains.append([tail, *range(first, first + len(bends)), head])
    return chains, sizes, rank


def _neighbours(size: int, links: Sequence[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(size)]
    below: list[list[int]] = [[] for _ in range(size)]
    for tail, head in links:
        above[head].append(tail)
        below[tail].append(head)
    return above, below


def _ordered(rank: Sequence[int], above: Sequence[list[int]], below: Sequence[list[int]]) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(max(rank) + 1)]
    for node, its_rank in enumerate(rank):
        rows[its_rank].append(node)
    position = [0.0] * len(rank)
    for row in rows:
        _number(row, position)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            row.sort(key=_mean_of(above if down else below, position))
            _number(row, position)
    return rows


def _number(row: Sequence[int], position: list[float]) -> None:
    for place, node in enumerate(row):
        position[node] = (place + 0.5) / len(row)


def _mean_of(neighbours: Sequence[Sequence[int]], position: Sequence[float]) -> Callable[[int], float]:
    def mean(node: int) -> float:
        near = neighbours[node]
        return sum(position[other] for other in near) / len(near) if near else position[node]

    return mean


def _across(
    rows: Sequence[list[int]],
    sizes: Sequence[tuple[float, float]],
    above: Sequence[list[int]],
    below: Sequence[list[int]],
) -> list[float]:
    """Places within the ranks: as near to the mean of the neighbours as the boxes' widths allow."""
    place = [0.0] * len(sizes)
    for row in rows:
        _keep_apart(row, [0.0] * len(row), sizes, place)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        mean = _mean_of(above if down else below, place)
        for row in rows if down else reversed(rows):
            _keep_apart(row, [mean(node) for node in row], sizes, place)
    left = min(place[node] - sizes[node][0] / 2 for node in range(len(sizes)))
    return [each - left for each in place]


def _keep_apart(
    row: Sequence[int], wanted: Sequence[float], sizes: Sequence[tuple[float, float]], place: list[float]
) -> None:
    """The middle of two packings that respect the gaps: pushed only right, and pushed only left."""
    step = [(sizes[one][0] + sizes[other][0]) / 2 + _GAP_ACROSS for one, other in pairwise(row)]
    right, left = list(wanted), list(wanted)
    for index, gap in enumerate(step):
        right[index + 1] = max(right[index + 1], right[index] + gap)
    for index in range(len(step) - 1, -1, -1):
        left[index] = min(left[index], left[index + 1] - step[index])
    for node, one, other in zip(row, left, right, strict=True):
        place[node] = (one + other) / 2


def _along(rows: Sequence[list[int]], sizes: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    depth = [max(sizes[node][1] for node in row) for row in rows]
    middles, edge = [], 0.0
    for row in depth:
        middles.append(edge + row / 2)
        edge += row + _GAP_ALONG
    return middles, depth


def _path(
    chain: Sequence[int],
    centres: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    depths_of_rows: Sequence[float],
) -> tuple[tuple[float, float], ...]:
    (start, top), (end, bottom) = centres[chain[0]], centres[chain[-1]]
    points = [(start, top + sizes[chain[0]][1] / 2)]
    for bend, depth in zip(chain[1:-1], depths_of_rows[1:-1], strict=True):
        across, along = centres[bend]
        points += [(across, along - depth / 2), (across, along + depth / 2)]
    return (*points, (end, bottom - sizes[chain[-1]][1] / 2))
