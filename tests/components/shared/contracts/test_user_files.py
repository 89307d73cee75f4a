"""What a person's files say reaches a pipeline whole, so that a changed file repeats the steps that it reaches."""

import pytest
import yaml

from components.shared.contracts.user_files import problem_text, search_text

POLICY = "transforms: [{HorizontalFlip: {p: 0.5}}]\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "my flips!.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def test_a_policy_file_is_read_beside_the_problem_file_and_named_after_itself(folder):
    problem = folder / "problem.yaml"
    problem.write_text("id: 번호\npreparation: {augmentation: 'policies/my flips!.yaml'}\n", encoding="utf-8")
    content = yaml.safe_load(problem_text(problem))
    assert content["id"] == "번호"
    assert content["preparation"]["augmentation"] == {
        "name": "my flips-",
        "transforms": [{"HorizontalFlip": {"p": 0.5}}],
    }


def test_a_changed_policy_file_changes_what_the_pipeline_is_told(folder):
    search = folder / "search.yaml"
    search.write_text("policies: [none, policies/my flips!.yaml]\nrepeats: 2\n", encoding="utf-8")
    before = search_text(search)
    assert yaml.safe_load(before)["policies"][0] == "none"
    (folder / "policies" / "my flips!.yaml").write_text(POLICY.replace("0.5", "0.9"), encoding="utf-8")
    assert search_text(search) != before


@pytest.mark.parametrize(
    "text", ["", "label: {column: y}\n", "preparation: {augmentation: heavy}\n", "- [broken", "text"]
)
def test_any_other_text_stays_as_it_is(folder, text):
    file = folder / "problem.yaml"
    file.write_text(text, encoding="utf-8")
    assert problem_text(file) == search_text(file) == text
    assert problem_text(None) == ""


def test_an_absent_policy_file_is_named(folder):
    problem = folder / "problem.yaml"
    problem.write_text("preparation: {augmentation: absent.yaml}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"absent\.yaml must be a file that can be read"):
        problem_text(problem)
