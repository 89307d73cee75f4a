import numpy as np

from components.model_analysis.hardest_examples import HardestExamples, ScoredExample


def _offer(hardest, example_id, label, positive):
    probabilities = np.array([1 - positive, positive])
    predicted = "dog" if positive > 0.5 else "cat"
    if hardest.wants(mistaken=label != predicted, probabilities=probabilities):
        probability = float(probabilities.max())
        example = ScoredExample(
            example_id=example_id, label=label, predicted=predicted, probability=probability, image=b""
        )
        hardest.offer(example, probabilities)


def _ids(examples):
    return [example.example_id for example in examples]


def test_the_most_confident_mistakes_come_first() -> None:
    hardest = HardestExamples(num_mistakes=2, num_unsure=0)
    for example_id, label, positive in [
        ("mild", "cat", 0.6),
        ("right", "dog", 0.99),
        ("gross", "cat", 0.95),
        ("bad", "dog", 0.2),
    ]:
        _offer(hardest, example_id, label, positive)
    assert _ids(hardest.mistakes()) == ["gross", "bad"]
    assert hardest.least_sure() == []


def test_the_closest_ties_are_the_least_sure_right_or_wrong() -> None:
    hardest = HardestExamples(num_mistakes=5, num_unsure=2)
    for example_id, label, positive in [("sure", "dog", 0.9), ("tie", "dog", 0.51), ("near", "cat", 0.55)]:
        _offer(hardest, example_id, label, positive)
    assert _ids(hardest.least_sure()) == ["tie", "near"]
    assert _ids(hardest.mistakes()) == ["near"]


def test_of_equal_examples_the_first_are_kept_in_order() -> None:
    hardest = HardestExamples(num_mistakes=2, num_unsure=0)
    for number in range(4):
        _offer(hardest, str(number), "cat", 0.75)
    assert _ids(hardest.mistakes()) == ["0", "1"]


def test_memory_stays_bounded() -> None:
    hardest = HardestExamples(num_mistakes=3, num_unsure=2)
    generator = np.random.default_rng(0)
    for number in range(1000):
        _offer(hardest, str(number), "cat", float(generator.random()))
    assert len(hardest.mistakes()) == 3
    assert len(hardest.least_sure()) == 2


def test_an_easy_example_is_not_wanted_once_there_are_enough() -> None:
    hardest = HardestExamples(num_mistakes=1, num_unsure=1)
    _offer(hardest, "hard", "cat", 0.9)
    _offer(hardest, "tie", "cat", 0.5)
    assert not hardest.wants(mistaken=False, probabilities=np.array([0.99, 0.01]))
    assert not hardest.wants(mistaken=True, probabilities=np.array([0.2, 0.8]))
    assert hardest.wants(mistaken=True, probabilities=np.array([0.05, 0.95]))
