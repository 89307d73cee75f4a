"""Words for people by what they are, in Korean and English, and which texts mention them.

The suite that asks models about people puts these words into sentences; validation asks how texts with them are
labelled. English terms are written `singular | plural`.

Shapes: N texts.
"""

from collections.abc import Mapping
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.languages import Language

Kinds = Mapping[str, tuple[str, ...]]

_KOREAN: Kinds = {
    "gender": ("여자", "남자", "여성", "남성", "아줌마", "아저씨", "엄마", "아빠"),
    "age": ("어린이", "청소년", "10대", "20대", "청년", "젊은이", "Z세대", "40대", "50대", "70대", "노인", "어르신"),
    "region": (
        "서울 사람",
        "서울 출신",
        "경기도 사람",
        "강원도 사람",
        "충청도 사람",
        "전라도 사람",
        "전라도 출신",
        "경상도 사람",
        "부산 출신",
        "대구 출신",
        "제주도 사람",
        "도시 사람",
        "시골 사람",
    ),
    "nationality": (
        "한국인",
        "중국인",
        "일본인",
        "미국인",
        "독일인",
        "러시아인",
        "베트남인",
        "필리핀 사람",
        "나이지리아 사람",
        "조선족",
        "탈북민",
        "외국인",
        "이주노동자",
        "난민",
        "흑인",
        "백인",
    ),
    "religion": (
        "기독교인",
        "개신교 신자",
        "천주교 신자",
        "불교 신자",
        "원불교 교도",
        "무슬림",
        "이슬람교도",
        "유대교도",
        "힌두교도",
        "무신론자",
    ),
    "disability": (
        "장애인",
        "비장애인",
        "시각장애인",
        "청각장애인",
        "휠체어 이용자",
        "자폐인",
        "우울증 환자",
        "조현병 환자",
        "뇌전증 환자",
        "귀가 들리지 않는 사람",
        "앞이 보이지 않는 사람",
        "목발을 짚은 사람",
    ),
    "orientation": (
        "동성애자",
        "이성애자",
        "양성애자",
        "무성애자",
        "게이",
        "레즈비언",
        "퀴어",
        "성소수자",
        "트랜스젠더",
        "시스젠더",
        "LGBT",
    ),
}
_ENGLISH: Kinds = {
    "gender": (
        "woman | women",
        "man | men",
        "girl | girls",
        "boy | boys",
        "lady | ladies",
        "gentleman | gentlemen",
        "mother | mothers",
        "father | fathers",
    ),
    "age": (
        "child | children",
        "teenager | teenagers",
        "18-year-old | 18-year-olds",
        "25-year-old | 25-year-olds",
        "45-year-old | 45-year-olds",
        "80-year-old | 80-year-olds",
        "young adult | young adults",
        "middle-aged person | middle-aged people",
        "older person | older people",
        "elderly person | elderly people",
        "pensioner | pensioners",
        "senior citizen | senior citizens",
    ),
    "region": (
        "Texan | Texans",
        "Californian | Californians",
        "New Yorker | New Yorkers",
        "Midwesterner | Midwesterners",
        "Southerner | Southerners",
        "Alabamian | Alabamians",
        "Londoner | Londoners",
        "Liverpudlian | Liverpudlians",
        "person from Seoul | people from Seoul",
        "person from Busan | people from Busan",
        "city dweller | city dwellers",
        "villager | villagers",
    ),
    "nationality": (
        "American | Americans",
        "European | Europeans",
        "German | Germans",
        "Korean | Koreans",
        "Chinese person | Chinese people",
        "Japanese person | Japanese people",
        "Vietnamese person | Vietnamese people",
        "Indian | Indians",
        "Mexican | Mexicans",
        "Nigerian | Nigerians",
        "Iranian | Iranians",
        "Russian | Russians",
        "Ukrainian | Ukrainians",
        "Black person | Black people",
        "white person | white people",
        "immigrant | immigrants",
        "refugee | refugees",
    ),
    "religion": (
        "Christian | Christians",
        "Catholic | Catholics",
        "Protestant | Protestants",
        "evangelical | evangelicals",
        "Muslim | Muslims",
        "Jewish person | Jewish people",
        "Hindu | Hindus",
        "Buddhist | Buddhists",
        "Sikh | Sikhs",
        "Mormon | Mormons",
        "atheist | atheists",
        "agnostic | agnostics",
    ),
    "disability": (
        "disabled person | disabled people",
        "non-disabled person | non-disabled people",
        "wheelchair user | wheelchair users",
        "blind person | blind people",
        "sighted person | sighted people",
        "deaf person | deaf people",
        "hearing person | hearing people",
        "autistic person | autistic people",
        "amputee | amputees",
        "person with epilepsy | people with epilepsy",
        "person with depression | people with depression",
        "person with schizophrenia | people with schizophrenia",
    ),
    "orientation": (
        "gay man | gay men",
        "gay person | gay people",
        "lesbian | lesbians",
        "bisexual person | bisexual people",
        "asexual person | asexual people",
        "homosexual | homosexuals",
        "heterosexual | heterosexuals",
        "straight person | straight people",
        "queer person | queer people",
        "transgender person | transgender people",
        "cisgender person | cisgender people",
        "LGBT person | LGBT people",
    ),
}
IDENTITY_TERMS: Mapping[Language, Kinds] = {"ko": _KOREAN, "en": _ENGLISH}
# What may follow a Korean noun within its word, so that "게이" is mentioned in "게이는" and not in "게이머".
_PARTICLES = (
    "은|는|이|가|을|를|의|도|만|와|과|랑|이랑|에|에게|에게서|에게는|한테|한테서|께|께서|께서는|처럼|보다|부터|까지|마저|조차|나|이나|로|으로"
    "|라고|이라고|라는|이라는|라서|이라서|인|이다|다|이고|고|이며|며|이었다|였다|입니다|이에요|예요|요|이야|야|님|씨"
)


def mentioned_terms(texts: pa.Array) -> dict[tuple[str, str], np.ndarray]:
    """Which texts mention each term, as a word of its own, whatever its case or particle, in either number.

    Parameters
    ----------
    texts
        Shape (N,), string, without nulls.

    Returns
    -------
    dict
        Masks, shape (N,), bool, by the term's kind and the term (in English its singular); terms that no text mentions
        are absent.
    """
    lowered = pc.utf8_lower(texts)
    found: dict[tuple[str, str], np.ndarray] = {}
    for language, kinds in IDENTITY_TERMS.items():
        for kind, terms in kinds.items():
            for term in terms:
                forms = [form.strip() for form in term.lower().split("|")]
                mask = np.zeros(len(texts), dtype=bool)
                for form in forms:
                    mask |= _mentions(lowered, form, language)
                if mask.any():
                    found[kind, term.split("|")[0].strip()] = mask
    return found


def _mentions(lowered: pa.Array, form: str, language: Language) -> np.ndarray:
    """Looks for the letters first, which is quick, and for the word only where they are."""
    mask: np.ndarray = np.asarray(pc.match_substring(lowered, form))
    rows = np.flatnonzero(mask)
    if not len(rows):
        return mask
    literal = re.escape(form)
    end = f"(들)?({_PARTICLES})?" if language == "ko" else "('s|s')?"
    pattern = rf"(^|[^\p{{L}}\p{{N}}]){literal}{end}($|[^\p{{L}}\p{{N}}])"
    is_word = np.zeros(len(mask), dtype=bool)
    is_word[rows] = np.asarray(pc.match_substring_regex(lowered.take(pa.array(rows)), pattern))
    return is_word
