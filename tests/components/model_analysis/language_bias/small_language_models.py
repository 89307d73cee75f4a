"""Small language models in folders as transformers saves them: random ones, and ones trained on slanted sentences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import models, pre_tokenizers, Tokenizer
import torch

from components.model_analysis.language_bias.sentences import sentence, terms_of
from components.shared.contracts.language_bias_corpus import both, Corpus

_SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "bos_token": "[BOS]"}
_SIZE = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


def save_model(folder: Path, kind: str, texts: Sequence[str], *, seed: int = 0) -> Any:
    """An untrained GPT-2 (`causal`) or BERT (`masked`) with a tokenizer of the words of `texts`, saved to a folder."""
    import transformers

    torch.manual_seed(seed)
    tokenizer = _tokenizer(texts)
    if kind == "causal":
        config = transformers.GPT2Config(
            vocab_size=len(tokenizer), n_positions=64, n_embd=48, n_layer=1, n_head=4, bos_token_id=3, eos_token_id=3,
            embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0, initializer_range=0.1,
        )  # fmt: skip
        model = transformers.GPT2LMHeadModel(config)
    else:
        config = transformers.BertConfig(
            vocab_size=len(tokenizer), max_position_embeddings=64, intermediate_size=96, **_SIZE
        )
        model = transformers.BertForMaskedLM(config)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return model


def slanted_sentences(corpus: Corpus, term: str, slant: float, *, num: int, seed: int = 0) -> list[str]:
    """What a model learns from: every term with either end of each pair, but of one term the first more often.

    The pairs are the endings, and the stereotypes of the term's kind.

    `slant` is the share of the first ends after that term; 0.5 is balanced.
    """
    generator = np.random.default_rng(seed)
    terms = terms_of(corpus)
    slanted = next(one for one in terms if one.name == term)
    about = [pair for one in corpus.stereotypes if one.kind == slanted.kind for pair in one.pairs]
    pairs = [*corpus.endings.pairs, *about]
    texts = []
    for number in range(num):
        person = slanted if number % 8 == 0 else terms[generator.integers(len(terms))]
        share = slant if person is slanted else 0.5
        first, second = both(pairs[generator.integers(len(pairs))])
        end = first if generator.random() < share else second
        texts.append(sentence(f"{corpus.endings.frame} {end}.", person, language=corpus.language).text)
    return texts


def train_causal(folder: Path, texts: Sequence[str], *, num_steps: int, seed: int = 0) -> Path:
    """A small GPT-2 trained on `texts`, saved to a folder."""
    import transformers

    model = save_model(folder, "causal", texts, seed=seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    ids_NT = tokenizer(list(texts), padding=True, return_tensors="pt")["input_ids"]
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    for _ in range(num_steps):
        batch = ids_NT[torch.randint(len(ids_NT), (128,), generator=generator)]
        loss = model(input_ids=batch, labels=batch.masked_fill(batch == 0, -100)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder)
    return folder


def _tokenizer(texts: Sequence[str]) -> Any:
    import transformers

    splitter = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    words = sorted({word for text in texts for word, _ in splitter.pre_tokenize_str(text)})
    vocabulary = {word: number for number, word in enumerate([*_SPECIAL.values(), *words])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = splitter
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **_SPECIAL)
