"""A language model in a local folder, as how likely it finds a text; nothing is fetched, and no code or pickle is read.

Shapes: N texts, B of them at once, T tokens, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from components.modeling.text.hugging_face import loaded_from_folder
from components.shared.runtime.atomic_files import read_json

LanguageModelKind = Literal["causal", "masked"]

_BATCH = 32
_LOADERS: dict[LanguageModelKind, str] = {"causal": "AutoModelForCausalLM", "masked": "AutoModelForMaskedLM"}
_CONFIG, _TOKENIZER, _ADAPTER = "config.json", "tokenizer.json", "adapter_config.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredText:
    """A text, and where what is scored begins and ends: tokens that begin there count."""

    text: str
    start: int
    end: int


class LocalLanguageModel:
    """A causal or masked language model of a local folder, in evaluation mode on `device`.

    Raises
    ------
    FileNotFoundError
        If the folder, its config.json, tokenizer.json or safetensors weights are not there.
    ValueError
        If it is neither causal nor masked, needs code of its own, or lacks weights.
    """

    def __init__(self, path: str | Path, *, device: torch.device) -> None:
        folder = Path(path)
        _check_files(folder)
        self.kind = _kind(read_json(folder / _CONFIG, what="the model's config"), folder)
        self._device = device
        self._tokenizer = loaded_from_folder("AutoTokenizer", folder)
        model, info = loaded_from_folder(_LOADERS[self.kind], folder, output_loading_info=True, dtype=torch.float32)
        if missing := sorted(info["missing_keys"]):
            raise ValueError(
                f"the weights in {folder} must be those of a whole {self.kind} language model, but {len(missing)} are "
                f"missing, {missing[0]} first: save it with its head"
            )
        self._model = model.to(device).eval()
        if self.kind == "masked" and self._tokenizer.mask_token_id is None:
            raise ValueError(f"the tokenizer in {folder} must have a mask token, as a masked model needs, got none")

    def log_likelihoods(self, texts: Sequence[ScoredText]) -> np.ndarray:
        """Natural log of how likely the scored tokens of each text are, given its other tokens; shape (N,), float64.

        Of a causal model given those before; of a masked one the pseudo-log-likelihood, each token masked in its turn
        (Salazar et al., Masked Language Model Scoring, ACL 2020; Nangia et al., CrowS-Pairs, EMNLP 2020: only the
        tokens that two sentences share are scored). `nan` where no token begins in what is scored.
        """
        encoded = [self._encoded(text) for text in texts]
        rows = [row for number, one in enumerate(encoded) for row in self._rows(number, *one)]
        rows.sort(key=lambda row: len(row[1]))
        totals, counts = np.zeros(len(texts)), np.zeros(len(texts), dtype=int)
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            for (number, *_), value in zip(batch, self._scores(batch), strict=True):
                totals[number] += value
                counts[number] += 1
        return np.where(counts > 0, totals, np.nan)

    def _encoded(self, text: ScoredText) -> tuple[list[int], list[int]]:
        """Token ids, and the places of those to score."""
        found = self._tokenizer(text.text, return_offsets_mapping=True, truncation=False)
        offsets = found["offset_mapping"]
        places = [i for i, (begin, end) in enumerate(offsets) if text.start <= begin < text.end and end > begin]
        return list(found["input_ids"]), places

    def _rows(
        self, number: int, ids: list[int], places: list[int]
    ) -> list[tuple[int, list[int], list[int], list[int]]]:
        """Inputs to the model: text, ids, the positions whose output is read, and the ids expected there."""
        if self.kind == "causal":
            known = [place for place in places if place > 0]
            return [(number, ids, [place - 1 for place in known], [ids[place] for place in known])] if known else []
        mask = self._tokenizer.mask_token_id
        return [(number, [*ids[:place], mask, *ids[place + 1 :]], [place], [ids[place]]) for place in places]

    def _scores(self, rows: Sequence[tuple[int, list[int], list[int], list[int]]]) -> list[float]:
        longest = max(len(ids) for _, ids, _, _ in rows)
        ids_BT = torch.zeros((len(rows), longest), dtype=torch.long)
        mask_BT = torch.zeros_like(ids_BT)
        for b, (_, ids, _, _) in enumerate(rows):
            ids_BT[b, : len(ids)] = torch.tensor(ids)
            mask_BT[b, : len(ids)] = 1
        with torch.inference_mode():
            logits_BTV = self._model(input_ids=ids_BT.to(self._device), attention_mask=mask_BT.to(self._device)).logits
            # Of a large vocabulary only the places that are read are worth a softmax.
            read = [
                torch.log_softmax(logits_BTV[b, at].float(), dim=-1)
                .gather(1, torch.tensor(want, device=logits_BTV.device)[:, None])
                .double()
                .sum()
                for b, (_, _, at, want) in enumerate(rows)
            ]
        return [float(value) for value in torch.stack(read).cpu()]


def _check_files(folder: Path) -> None:
    for name in (_CONFIG, _TOKENIZER):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"a language model must be a local folder with {name}, but {folder} has none")
    if not list(folder.glob("*.safetensors")):
        raise FileNotFoundError(
            f"a language model must have its weights as *.safetensors, but {folder} has none: pickled weights can run "
            f"code and are not read; save it with save_pretrained"
        )
    if (folder / _ADAPTER).exists():
        raise ValueError(f"a language model must be whole, but {folder} holds an adapter: merge it and save the model")


def _kind(config: Any, folder: Path) -> LanguageModelKind:
    names = " ".join(config.get("architectures") or ())
    if "ForMaskedLM" in names or "ForPreTraining" in names:
        return "masked"
    if "ForCausalLM" in names or "LMHeadModel" in names:
        return "causal"
    raise ValueError(
        f"the model in {folder} must be a causal or masked language model, as config.json's architectures say, got "
        f"{names or 'none'}"
    )
