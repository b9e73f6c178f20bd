"""Group stories into topics, and topics into areas: two further cuts of a merge tree.

Stories merge by average linkage of their documents, as documents do (`average_linkage.py`). The
cuts leave about K^(2/3) topics and K^(1/3) areas of K stories: 300 stories make 45 topics and 7
areas. So they depend neither on the scale of the distances nor on the algorithm that found the
stories.
"""

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.average_linkage import MergeTree, cut, merge_tree_of_groups


def topics_and_areas(
    vectors: np.ndarray, distances: sp.csr_array, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the topic and the area (stories,) of every story.

    Each is the label of its largest story. Stories that no edges connect, directly or through other
    stories, are in different areas.

    Args:
        vectors: (n, d).
        distances: (n, n), symmetric.
        labels: (n,) the story of each document, numbered by size, the largest 0; −1 for noise.
    """
    tree = merge_tree_of_groups(vectors, labels, distances)
    return _groups(tree, tree.leaves ** (2 / 3)), _groups(tree, tree.leaves ** (1 / 3))


def _groups(tree: MergeTree, count: float) -> np.ndarray:
    """Return the group of every leaf, named by its first leaf, if about `count` groups are left."""
    merges = min(tree.leaves - round(count), len(tree.heights))
    height = np.sort(tree.heights)[merges - 1] if merges > 0 else -np.inf
    groups = cut(tree, float(height))
    first = np.unique(groups, return_index=True)[1]
    return first[groups]
