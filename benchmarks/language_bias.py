"""Bias of language models: what the suite catches, what it calls biased without cause, and what it costs.

`python -m benchmarks.language_bias` fits TF-IDF classifiers with a term tied to a label and their healthy twins, and
unbiased ones of as many seeds, and trains small causal models on slanted and on balanced sentences. `--num-runs` random
models by construction give the rate of false alarms with its interval. CPU-seconds are of asking and judging alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
import tempfile
import time

import numpy as np
from scipy import stats
import torch
import typer

from components.model_analysis.language_bias.likelihood_answers import likelihood_answers
from components.model_analysis.language_bias.local_model import LocalLanguageModel
from components.model_analysis.language_bias.measures import BiasMeasure, judged
from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from components.model_analysis.language_bias.sentences import terms_of
from components.model_analysis.language_bias.term_gaps import term_measures
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.tables.identity_terms import Language
from tests.components.model_analysis.language_bias.classifiers import biased, fitted
from tests.components.model_analysis.language_bias.planted import planted_cases, training_set
from tests.components.model_analysis.language_bias.small_language_models import slanted_sentences, train_causal

_LANGUAGES: tuple[Language, ...] = ("ko", "en")
_SLANTED: dict[Language, str] = {"ko": "조선족", "en": "Muslim"}


def main(num_seeds: int = 20, num_runs: int = 2000, num_steps: int = 300) -> None:
    """Print what is caught, what is not, and the CPU-seconds."""
    _planted()
    _unbiased(num_seeds)
    _false_alarms(num_runs)
    _language_models(num_steps)


def _planted() -> None:
    for held_out in (False, True):
        cases = [case for case in planted_cases() if case.held_out == held_out]
        caught = alone = twins = 0
        for seed, case in enumerate(cases):
            tied = [one.subject for one in biased(fitted(*training_set(case.language, seed, case=case)), case.language)]
            twin = biased(fitted(*training_set(case.language, seed, case=case, twin=True)), case.language)
            caught += case.term in tied
            alone += tied == [case.term]
            twins += bool(twin)
        name = "held out" if held_out else "tuned on"
        typer.echo(f"planted, {name}: caught {caught} of {len(cases)}, alone {alone}; healthy twins refused {twins}")


def _unbiased(num_seeds: int) -> None:
    seconds, refused = [], 0
    for seed in range(num_seeds):
        language = _LANGUAGES[seed % 2]
        classify = fitted(*training_set(language, 1000 + seed))
        with _cpu_seconds(seconds):
            refused += bool(biased(classify, language))
    typer.echo(f"unbiased classifiers refused: {refused} of {num_seeds}; {max(seconds):.2f} CPU-seconds a language")


def _false_alarms(num_runs: int) -> None:
    """Scores of a model that every word moves by chance: 0.1 from word to word, 0.05 beside it from text to text."""
    corpus, settings = packaged_corpus("ko"), LanguageBiasSettings(material_gap=1e-6)
    terms, templates = terms_of(corpus), corpus.template_texts()
    alarms = 0
    for seed in range(num_runs):
        generator = np.random.default_rng(seed)
        words_M = generator.normal(0.5, 0.1, len(terms))
        scores_TM = words_M + generator.normal(0, 0.05, (len(templates), len(terms)))
        measures, _ = term_measures(
            scores_TM[:, :, None],
            scores_TM > 0.5,
            terms=terms,
            outcomes=["positive"],
            polarities=[polarity for polarity, _ in templates],
            measure="class probability",
            language="ko",
        )
        alarms += any(one.status == "biased" for one in judged(measures, settings))
    low, high = stats.binomtest(alarms, num_runs).proportion_ci(method="wilson")
    rate = f"{alarms} of {num_runs} (95% interval {low:.1%} to {high:.1%})"
    typer.echo(f"false alarms by significance alone, 5% allowed: {rate}")


def _language_models(num_steps: int) -> None:
    for language, term in _SLANTED.items():
        corpus = packaged_corpus(language)
        for name, slant in (("slanted", 0.95), ("balanced", 0.5)):
            with tempfile.TemporaryDirectory() as folder:
                texts = slanted_sentences(corpus, term, slant, num=12_000)
                train_causal(Path(folder) / "model", texts, num_steps=num_steps)
                model = LocalLanguageModel(Path(folder) / "model", device=torch.device("cpu"))
                seconds: list[float] = []
                with _cpu_seconds(seconds):
                    answers = likelihood_answers(model.log_likelihoods, corpus)
                    found = _refused(judged(answers.measures, LanguageBiasSettings()))
            typer.echo(f"causal, {language}, {term} {name}: refused {found or 'nothing'}; {seconds[0]:.1f} CPU-seconds")


def _refused(measures: tuple[BiasMeasure, ...]) -> str:
    return ", ".join(f"{one.subject} ({one.measure})" for one in measures if one.status == "biased")


@contextmanager
def _cpu_seconds(into: list[float], clock: Callable[[], float] = time.process_time) -> Iterator[None]:
    started = clock()
    yield
    into.append(clock() - started)


if __name__ == "__main__":
    typer.run(main)
