# Shortest paths by breadth first search, checked against a library.
import networkx as nx
from collections import deque


def distances(graph, source):
    found = {source: 0}
    queue = deque([source])
    while queue:
        at = queue.popleft()
        for to in graph[at]:
            if to not in found:
                found[to] = found[at] + 1
                queue.append(to)
    return found


g = nx.cycle_graph(7)
assert distances(g, 0) == dict(nx.single_source_shortest_path_length(g, 0))
