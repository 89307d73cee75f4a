"""Every sentence that a corpus makes of one person."""

from collections.abc import Iterator

from components.model_analysis.language_bias.sentences import Sentence, sentence, Term, terms_of
from components.shared.contracts.language_bias_corpus import both, Corpus


def all_sentences(corpus: Corpus) -> Iterator[tuple[Term, Sentence]]:
    """Every template, ending and answer with every term."""
    ends = [end for pair in corpus.endings.pairs for end in both(pair)]
    ends += [end for one in corpus.stereotypes for pair in one.pairs for end in both(pair)]
    templates = [text for _, text in corpus.template_texts()]
    templates += [f"{corpus.endings.frame} {end}." for end in ends] + [corpus.questions.answer]
    for template in templates:
        for term in terms_of(corpus):
            yield term, sentence(template, term, language=corpus.language)
