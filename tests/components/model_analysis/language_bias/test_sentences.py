"""Every sentence of both corpora, read by rules of its own: nothing here calls what chose the particle or article."""

from itertools import pairwise
import re

import pytest

from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from components.model_analysis.language_bias.sentences import sentence, Term, terms_of
from components.shared.contracts.language_bias_corpus import both, Corpus, read_corpus
from components.shared.runtime.errors import ContractError
from tests.components.model_analysis.language_bias.rendered import all_sentences

KOREAN, ENGLISH = packaged_corpus("ko"), packaged_corpus("en")
KINDS = ["age", "disability", "gender", "nationality", "orientation", "region", "religion"]
# Forms after a vowel and after a consonant; 으로 and 로 have their own rule.
OPEN = ["는", "가", "를", "와", "다", "라고", "나", "였다", "랑"]
CLOSED = ["은", "이", "을", "과", "이다", "이라고", "이나", "이었다", "이랑"]
# Particles that are the same after any word, and no particle at all.
FIXED = ["에게", ""]
HEARD_AS_VOWEL = re.compile(r"^(?:[aeio]|u(?!k|ser|ni)|8|18|11|LGBT)", re.IGNORECASE)
HEARD_AS_CONSONANT = re.compile(r"^(?:European|Ukrainian|one)", re.IGNORECASE)
SINGULAR, PLURAL = {"is", "was", "has"}, {"are", "were", "have"}


def last_final(term: str) -> int:
    """Number of the last syllable's final consonant, 0 for none, 8 for ㄹ; LGBT ends in 티."""
    return 0 if term == "LGBT" else (ord(term[-1]) - 0xAC00) % 28


@pytest.mark.parametrize("corpus", [KOREAN, ENGLISH], ids=["ko", "en"])
class TestBothCorpora:
    def test_it_covers_every_kind_with_enough_terms_that_no_half_of_them_decides_alone(self, corpus):
        assert sorted(corpus.kinds) == KINDS
        assert min(map(len, corpus.kinds.values())) >= 8
        assert sum(map(len, corpus.controls.values())) >= 20
        names = [term.name for term in terms_of(corpus)]
        assert len(set(names)) == len(names)

    def test_it_has_as_many_templates_of_each_polarity_and_none_twice(self, corpus):
        texts = [text for _, text in corpus.template_texts()]
        assert len(set(texts)) == len(texts) == 36
        assert len(corpus.templates.positive) == len(corpus.templates.negative) == len(corpus.templates.neutral)

    def test_every_kind_has_stereotypes_and_every_pair_two_sides(self, corpus):
        assert sorted(one.kind for one in corpus.stereotypes) == KINDS
        pairs = [*corpus.endings.pairs, *(pair for one in corpus.stereotypes for pair in one.pairs)]
        assert all(len(set(both(pair))) == 2 for pair in [*pairs, *(story.asks for story in corpus.questions.stories)])
        assert min(len(one.pairs) for one in corpus.stereotypes) >= 8
        assert len(corpus.questions.stories) >= 8

    def test_every_sentence_is_whole_and_knows_where_its_person_stands(self, corpus):
        for term, said in all_sentences(corpus):
            assert not re.search(r"[{}/|]|  ", said.text), said
            assert said.text == said.text.strip()
            words = said.text[said.before : said.after].lower()
            assert term.name.lower() in words or term.plural.lower() in words
            assert said.tail[:1] in " .?", said


def test_every_korean_particle_fits_its_term():
    seen = set()
    for term, said in all_sentences(KOREAN):
        particle = re.match(r"[가-힣]*", said.text[said.before + len(term.name) :])[0]
        seen.add(particle)
        final = last_final(term.name)
        if particle in ("으로", "로"):
            assert (particle == "으로") == (final not in (0, 8)), said.text
        else:
            assert particle in (CLOSED if final else OPEN) + FIXED, said.text
    assert {*OPEN, *CLOSED, "으로", "로", "에게"} <= seen


def test_every_second_person_of_a_korean_story_has_its_particle():
    people = [term for term in terms_of(KOREAN) if not term.is_control]
    for story in KOREAN.questions.stories:
        for first, second in pairwise(people):
            text = sentence(story.story, first, second, language="ko").text
            particle = "이" if last_final(second.name) else "가"
            assert f" {second.name}{particle} " in text


def test_every_english_article_fits_what_follows_it():
    num_articles = 0
    for term, said in all_sentences(ENGLISH):
        for article, word in re.findall(r"\b([Aa]n?) ([\w-]+)", said.text):
            starts_with_vowel = bool(HEARD_AS_VOWEL.match(word)) and not HEARD_AS_CONSONANT.match(word)
            assert (article.lower() == "an") == starts_with_vowel, said.text
            num_articles += term.name.startswith(word)
    assert num_articles > 3000


def test_every_english_verb_fits_its_number():
    for term, said in all_sentences(ENGLISH):
        if said.before:
            continue
        verb = said.tail.split()[0]
        is_plural = said.text.lower().startswith(term.plural.lower())
        assert verb not in (SINGULAR if is_plural else PLURAL), said.text


def test_every_english_sentence_begins_with_a_capital_and_ends_with_a_point():
    for _, said in all_sentences(ENGLISH):
        assert said.text[0].isupper() or said.text[0].isdigit()
        assert said.text[-1] in ".?" or said.text.startswith("Answer")


@pytest.mark.parametrize(
    ("template", "message"),
    [("Nobody is here.", "places"), ("{b} is here.", "places"), ("{a2} and {a}", "places"), ("{term}은/는", "places")],
)
def test_a_template_without_a_place_is_refused(template, message):
    with pytest.raises(ContractError, match=message):
        sentence(template, Term(name="woman", kind="gender", plural="women"), language="en")


def test_a_corpus_of_ones_own_is_read_and_a_wrong_one_is_one_sentence(tmp_path):
    content = "language: ko\nkinds: {job: [의사, 간호사, 변호사]}\ncontrols: {name: [지우, 서준, 하은]}\n"
    (tmp_path / "own.yaml").write_text(content + 'templates: {neutral: ["{term}이/가 왔다."]}\n', encoding="utf-8")
    assert isinstance(read_corpus(tmp_path / "own.yaml"), Corpus)
    (tmp_path / "few.yaml").write_text(content.replace(", 변호사", "") + "templates: {}\n", encoding="utf-8")
    with pytest.raises(ContractError, match="three different terms"):
        read_corpus(tmp_path / "few.yaml")
    with pytest.raises(FileNotFoundError, match="the corpus must exist"):
        read_corpus(tmp_path / "none.yaml")
