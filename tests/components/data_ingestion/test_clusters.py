import numpy as np

from components.data_ingestion.clusters import connected_clusters, equal_pairs


def test_a_chain_of_pairs_is_one_cluster():
    assert connected_clusters(6, [(4, 2), (2, 0), (3, 5)]).tolist() == [0, 1, 0, 3, 0, 3]


def test_equal_values_are_chained():
    assert sorted(map(tuple, equal_pairs(np.array([5, 7, 5, 7, 5])).tolist())) == [(0, 2), (1, 3), (2, 4)]
