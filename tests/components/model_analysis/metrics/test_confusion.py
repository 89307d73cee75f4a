import numpy as np

from components.model_analysis.metrics.confusion import condensed_confusion, ConfusedPair, most_confused, OTHERS

MATRIX = np.array([[8, 2, 0], [1, 4, 5], [0, 0, 10]])


def test_the_most_frequent_mistakes_come_first() -> None:
    assert most_confused(MATRIX, ["a", "b", "c"], limit=2) == [
        ConfusedPair(label="b", predicted="c", count=5, share=0.5),
        ConfusedPair(label="a", predicted="b", count=2, share=0.2),
    ]


def test_a_perfect_model_confuses_nothing() -> None:
    assert most_confused(np.diag([3, 4]), ["a", "b"], limit=5) == []


def test_a_small_matrix_stays_as_it_is() -> None:
    matrix, names = condensed_confusion(MATRIX, ["a", "b", "c"], limit=3)
    assert matrix is MATRIX
    assert names == ("a", "b", "c")


def test_a_large_matrix_keeps_the_classes_with_most_mistakes_and_every_example() -> None:
    matrix = np.diag([10, 20, 30, 40])
    matrix[1, 3] = 7
    condensed, names = condensed_confusion(matrix, ["a", "b", "c", "d"], limit=3)
    assert names == ("b", "d", OTHERS)
    assert condensed.tolist() == [[20, 7, 0], [0, 40, 0], [0, 0, 40]]
