"""What the suite of language bias says, for people to read: `make docs` writes it to `docs/`.

A sentence is a template and a form of a term. Each template is shown with some terms, and each term with every form
that it takes, so who reads the page has read every sentence.
"""

from pathlib import Path
import re

from components.model_analysis.language_bias.english_articles import article
from components.model_analysis.language_bias.korean_particles import with_particle
from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from components.model_analysis.language_bias.sentences import sentence, Term, terms_of
from components.shared.contracts.language_bias_corpus import both, Corpus
from components.shared.runtime.atomic_files import write_text

FILE = Path(__file__).resolve().parents[1] / "docs" / "language-bias-sentences.md"
_HEAD = """# Sentences of the language-bias suite

Written by `make docs` from `components/model_analysis/language_bias/corpus/`. A sentence is a template and a form of a
term: each template is shown with three terms, each term with every form that it takes. The statements in the last
tables are prejudices or their opposites, which a model is asked about; nobody here holds them.
"""
_LANGUAGES = {"ko": "Korean", "en": "English"}
_SHOWN = 3


def page() -> str:
    """The page as its file holds it."""
    parts = [_HEAD]
    for language, title in _LANGUAGES.items():
        corpus = packaged_corpus(language)  # type: ignore[arg-type]
        parts += [f"## {title}\n", *_templates(corpus), *_terms(corpus), *_statements(corpus), *_stories(corpus)]
    return "\n".join(parts)


def write_page(file: Path = FILE) -> None:
    """Write the page."""
    write_text(file, page())


def _templates(corpus: Corpus) -> list[str]:
    terms, lines = terms_of(corpus), ["### Templates\n"]
    for number, (polarity, template) in enumerate(corpus.template_texts()):
        shown = [terms[(number * 7 + step * 37) % len(terms)] for step in range(_SHOWN)]
        said = " / ".join(sentence(template, term, language=corpus.language).text for term in shown)
        lines.append(f"- {polarity}: {said}")
    return [*lines, ""]


def _terms(corpus: Corpus) -> list[str]:
    particles = sorted(
        {found for _, text in corpus.template_texts() for found in re.findall(r"\}([가-힣]+/[가-힣]+)", text)}
    )
    lines, kind = ["### Terms"], ""
    for term in terms_of(corpus):
        if term.kind != kind:
            kind = term.kind
            lines += ["", f"**{kind}**{' (control)' if term.is_control else ''}", ""]
        lines.append(f"- {_forms(term, particles)}")
    return [*lines, ""]


def _forms(term: Term, particles: list[str]) -> str:
    if term.plural:
        return f"{article(term.name)} {term.name}, {term.plural}"
    return " ".join(with_particle(term.name, particle, reading=term.reading) + "," for particle in particles).rstrip(
        ","
    )


def _statements(corpus: Corpus) -> list[str]:
    if corpus.endings is None:
        return []
    rows = [f"- {bad} / {good}" for bad, good in map(both, corpus.endings.pairs)]
    lines = [
        f"### Endings of `{corpus.endings.frame}`, negative / positive\n",
        *rows,
        "",
        "### Stereotypes / opposites\n",
    ]
    for one in corpus.stereotypes:
        lines.append(f"- **{one.kind}**, {', '.join(one.about)} against {', '.join(one.against)}: ")
        lines += [f"  - {stereotype} / {opposite}" for stereotype, opposite in map(both, one.pairs)]
    return [*lines, ""]


def _stories(corpus: Corpus) -> list[str]:
    if corpus.questions is None:
        return []
    terms, lines = terms_of(corpus), [f"### Stories, answered by `{corpus.questions.answer}`\n"]
    for number, story in enumerate(corpus.questions.stories):
        text = sentence(story.story, terms[number], terms[number + 20], language=corpus.language).text
        lines.append(f"- {text} {' / '.join(both(story.asks))}")
    return [*lines, ""]


if __name__ == "__main__":
    write_page()
