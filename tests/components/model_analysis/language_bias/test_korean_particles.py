import pytest

from components.model_analysis.language_bias.korean_particles import final_sound, with_particle


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("여성", "은/는", "여성은"),
        ("남자", "은/는", "남자는"),
        ("서울", "으로/로", "서울로"),
        ("부산", "으로/로", "부산으로"),
        ("제주", "으로/로", "제주로"),
        ("한결", "이/가", "한결이"),
        ("한결", "과/와", "한결과"),
        ("의사", "이다/다", "의사다"),
        ("시인", "이다/다", "시인이다"),
        ("아저씨", "이었다/였다", "아저씨였다"),
        ("게이", "이라고/라고", "게이라고"),
        ("서울", "이라고/라고", "서울이라고"),
        ("LGBT", "이/가", "LGBT가"),
        ("KFP", "을/를", "KFP를"),
        ("URL", "으로/로", "URL로"),
        ("URL", "은/는", "URL은"),
        ("FTM", "으로/로", "FTM으로"),
        ("VIP", "과/와", "VIP와"),
        ("Google", "으로/로", "Google로"),
        ("Google", "은/는", "Google은"),
        ("Robin", "이/가", "Robin이"),
        ("Sam", "을/를", "Sam을"),
        ("Kyle Taylor", "이/가", "Kyle Taylor가"),
        ("2", "은/는", "2는"),
        ("3", "은/는", "3은"),
        ("7", "으로/로", "7로"),
        ("8", "은/는", "8은"),
        ("90", "으로/로", "90으로"),
        ("100", "이/가", "100이"),
        ("1984", "은/는", "1984는"),
        ("2021", "으로/로", "2021로"),
        ("0", "을/를", "0을"),
        ("1,000,000,000,000", "은/는", "1,000,000,000,000는"),
        ("제2", "과/와", "제2와"),
        ("'여성'", "은/는", "'여성'은"),
        ("부산(시)", "은/는", "부산(시)는"),
    ],
)
def test_the_particle_fits_how_the_word_ends(word, particle, expected):
    assert with_particle(word, particle) == expected


def test_a_reading_decides_where_letters_cannot():
    assert final_sound("MZ") == "vowel"
    assert with_particle("SQL", "이/가", reading="시퀄") == "SQL이"
    assert with_particle("SQLite", "이/가", reading="에스큐라이트") == "SQLite가"


@pytest.mark.parametrize("particle", ["은", "은/", "/는", ""])
def test_a_particle_of_one_form_is_refused(particle):
    with pytest.raises(ValueError, match="two forms"):
        with_particle("여성", particle)


def test_a_word_without_letters_is_refused():
    with pytest.raises(ValueError, match="a letter or a digit"):
        final_sound("...")
