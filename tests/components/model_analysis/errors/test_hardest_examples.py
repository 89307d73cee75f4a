import numpy as np

from components.model_analysis.errors.hardest_examples import HardestExamples, ScoredExample

CLASSES = ("cat", "dog")


def _offer(hardest, *rows):
    """Offer one batch of (name, label, probability of a dog), and return the rows that are wanted."""
    labels = np.array([CLASSES.index(label) for _, label, _ in rows], int)
    probabilities = np.array([[1 - positive, positive] for _, _, positive in rows]).reshape(-1, 2)
    wanted = hardest.wanted(labels, probabilities).tolist()
    for row in wanted:
        likeliest = int(probabilities[row].argmax())
        example = ScoredExample(
            example_id=rows[row][0],
            label=rows[row][1],
            predicted=CLASSES[likeliest],
            probability=float(probabilities[row, likeliest]),
            values={},
        )
        hardest.offer(example, probabilities[row])
    return wanted


def _ids(examples):
    return [example.example_id for example in examples]


def test_the_most_confident_mistakes_come_first() -> None:
    hardest = HardestExamples(num_mistakes=2, num_unsure=0)
    _offer(hardest, ("mild", "cat", 0.6), ("right", "dog", 0.99), ("gross", "cat", 0.95))
    _offer(hardest, ("bad", "dog", 0.2))
    assert _ids(hardest.mistakes()) == ["gross", "bad"]
    assert hardest.least_sure() == []


def test_the_closest_ties_are_the_least_sure_right_or_wrong() -> None:
    hardest = HardestExamples(num_mistakes=5, num_unsure=2)
    _offer(hardest, ("sure", "dog", 0.9), ("tie", "dog", 0.51), ("near", "cat", 0.55))
    assert _ids(hardest.least_sure()) == ["tie", "near"]
    assert _ids(hardest.mistakes()) == ["near"]


def test_of_equal_examples_the_first_are_kept_in_order() -> None:
    hardest = HardestExamples(num_mistakes=3, num_unsure=0)
    _offer(hardest, *((f"a{number}", "cat", 0.75) for number in range(2)))
    _offer(hardest, *((f"b{number}", "cat", 0.75) for number in range(4)))
    assert _ids(hardest.mistakes()) == ["a0", "a1", "b0"]


def test_batches_of_any_size_keep_the_same_examples() -> None:
    generator = np.random.default_rng(0)
    rows = [(str(number), "cat", float(generator.random())) for number in range(1000)]
    kept = []
    for size in (1, 7, 1000):
        hardest = HardestExamples(num_mistakes=3, num_unsure=2)
        for start in range(0, len(rows), size):
            _offer(hardest, *rows[start : start + size])
        kept.append((_ids(hardest.mistakes()), _ids(hardest.least_sure())))
    assert kept[0] == kept[1] == kept[2]
    assert kept[0][0] == [name for name, _, _ in sorted(rows, key=lambda row: -row[2])[:3]]
    assert kept[0][1] == [name for name, _, _ in sorted(rows, key=lambda row: abs(row[2] - 0.5))[:2]]


def test_an_easy_example_is_not_wanted_once_there_are_enough() -> None:
    hardest = HardestExamples(num_mistakes=1, num_unsure=1)
    _offer(hardest, ("hard", "cat", 0.9), ("tie", "cat", 0.5))
    assert _offer(hardest, ("easy", "cat", 0.01), ("mild", "dog", 0.2), ("gross", "cat", 0.95)) == [2]


def test_a_batch_without_labelled_examples_is_none() -> None:
    assert _offer(HardestExamples()) == []
