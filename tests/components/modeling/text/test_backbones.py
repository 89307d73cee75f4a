"""The bag of n-grams: what it computes, what it takes from training texts, and that it learns."""

import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.images.features import ImageFeatures
from components.modeling.text.backbones import TokenBag
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.runtime.errors import ContractError

FEATURES = TextFeatures(num_buckets=1 << 12)
CONFIG = BackboneConfig(name="char_ngrams")


def tensors(texts):
    inputs = FEATURES.prepare({"text": pa.array(texts, pa.string())})
    return FEATURES.tensors({name: torch.from_numpy(value) for name, value in inputs.items()})


def classifier(num_classes=2):
    torch.manual_seed(0)
    return build_classifier(CONFIG, FEATURES, num_classes=num_classes, load_pretrained=False)


def adapted(texts):
    network = classifier()
    network.adapt([tensors(texts)])
    return network.eval()


def test_an_embedding_is_the_sum_of_vectors_by_tf_idf_and_trust():
    bag = TokenBag(3)
    with torch.no_grad():
        bag.vectors.weight.copy_(torch.eye(4, 16))
    # Token 1 is in all 3 texts, token 2 in one, token 3 in none.
    bag.adapt([(torch.tensor([[1, 2], [1, 0]]), torch.ones(2, 2)), (torch.tensor([[1]]), torch.ones(1, 1))])
    one, two = 2.0 * 1.0, 1.0 * (torch.log(torch.tensor(4 / 2)) + 1).item()
    length = (one**2 + two**2) ** 0.5
    embedding = bag(torch.tensor([[1, 2, 3, 0]]), torch.tensor([[2.0, 1.0, 5.0, 0.0]]))[0]
    expected = torch.zeros(16)
    expected[1], expected[2] = one / length, two / length * (1 / 3) ** 0.25
    torch.testing.assert_close(embedding, expected)


def test_document_frequencies_are_those_of_all_batches():
    texts = ["좋은 영화", "나쁜 영화", "a film", "영화"]
    whole, parts = classifier(), classifier()
    whole.adapt([tensors(texts)])
    parts.adapt(tensors([text]) for text in texts)
    assert torch.equal(whole.backbone.rarity, parts.backbone.rarity)
    assert torch.equal(whole.backbone.trust, parts.backbone.trust)


def test_ngrams_that_training_never_saw_say_nothing():
    network = adapted(["aaaa", "bbbb"])
    known, with_unknown = network.embed(*tensors(["aaaa"])), network.embed(*tensors(["zzzz"]))
    assert known.abs().max() > 0
    # Of "zzzz" only the space around it was seen.
    torch.testing.assert_close(with_unknown, network.embed(*tensors([" z "])))


def test_an_embedding_does_not_depend_on_other_texts_or_padding():
    texts = ["", "좋다", "a considerably longer text than its neighbours, 그리고 더 길다"]
    network = adapted(texts)
    together = network(*tensors(texts))
    for place, text in enumerate(texts):
        torch.testing.assert_close(network(*tensors([text]))[0], together[place])
    padded = [functional.pad(tensor, (0, 5)) for tensor in tensors(texts)]
    torch.testing.assert_close(network(*padded), together)


def test_nothing_but_padding_gives_the_heads_bias():
    network = classifier().eval()
    logits = network(torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 1))
    torch.testing.assert_close(logits, network.head.bias.expand(2, 2))


def test_padding_learns_nothing():
    network = classifier()
    network(*tensors(["a", "a longer text"])).square().sum().backward()
    gradient = network.backbone.vectors.weight.grad
    assert gradient[0].abs().sum() == 0
    assert gradient.abs().sum() > 0


def test_what_training_texts_told_travels_with_the_weights():
    texts = ["좋은 영화", "나쁜 영화"]
    network, other = adapted(texts), classifier().eval()
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(*tensors(texts)), other(*tensors(texts)))


def test_words_that_decide_are_learnt_in_any_language():
    words = {0: ["좋은", "good", "отлично"], 1: ["나쁜", "bad", "ужасно"]}
    texts, labels = [], []
    for number in range(120):
        label = number % 2
        texts.append(f"{['영화', 'film', 'кино'][number % 3]} {number} {words[label][number // 2 % 3]} {number * 7}")
        labels.append(label)
    network = classifier()
    network.adapt([tensors(texts[:90])])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-2)
    inputs, targets = tensors(texts[:90]), torch.tensor(labels[:90])
    for _ in range(60):
        optimizer.zero_grad()
        functional.cross_entropy(network(*inputs), targets).backward()
        optimizer.step()
    right = network.eval()(*tensors(texts[90:])).argmax(dim=1) == torch.tensor(labels[90:])
    assert right.float().mean() > 0.9


def test_published_weights_and_other_features_are_refused():
    with pytest.raises(ContractError, match="char_ngrams has no published weights"):
        build_classifier(
            BackboneConfig(name="char_ngrams", pretrained=True), FEATURES, num_classes=2, load_pretrained=True
        )
    with pytest.raises(ContractError, match="takes text examples"):
        build_classifier(CONFIG, ImageFeatures(image_size=16), num_classes=2, load_pretrained=False)
