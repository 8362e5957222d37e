"""Which tensors of a pass all paths from the logits to the pictures cross, by autograd's graph."""

from collections import defaultdict

from torch import Tensor
from torch.autograd.graph import Node

Edge = tuple[Node, int]  # a function, and which of its outputs


def edge_of(tensor: Tensor) -> Edge | None:
    """What made a tensor; None of one that nothing made."""
    return None if tensor.grad_fn is None else (tensor.grad_fn, tensor.output_nr)


class Paths:
    """The paths from logits back to a leaf, counted: a tensor that as many paths cross as there are
    in all is on every one of them."""

    def __init__(self, logits: Tensor, leaf: Tensor):
        root = edge_of(logits)
        order = _ordered(root[0])
        self.to_leaf: dict[Node, int] = defaultdict(int)
        for node in reversed(order):  # what is nearest to the leaf comes first
            if getattr(node, "variable", None) is leaf:
                self.to_leaf[node] = 1
            self.to_leaf[node] += sum(self.to_leaf[child] for child, _ in _next(node))
        self.whole = self.to_leaf[root[0]]
        self.to_edge: dict[Edge, int] = defaultdict(int, {root: 1})
        arriving: dict[Node, int] = defaultdict(int, {root[0]: 1})
        for node in order:
            for edge in _next(node):
                self.to_edge[edge] += arriving[node]
                arriving[edge[0]] += arriving[node]

    def all_cross(self, edge: Edge) -> bool:
        """Whether every path from the logits to the leaf crosses it."""
        return self.whole > 0 and self.to_edge[edge] * self.to_leaf[edge[0]] == self.whole


def _next(node: Node) -> list[Edge]:
    return [edge for edge in node.next_functions if edge[0] is not None]


def _ordered(root: Node) -> list[Node]:
    """All functions, each before those that it was made of."""
    done, order, todo = {root}, [], [(root, iter(_next(root)))]
    while todo:
        node, rest = todo[-1]
        child = next((child for child, _ in rest if child not in done), None)
        if child is None:
            order.append(node)
            todo.pop()
        else:
            done.add(child)
            todo.append((child, iter(_next(child))))
    return order[::-1]
