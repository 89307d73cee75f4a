"""The gate by hand."""

import pytest
from typer.testing import CliRunner

from components.quality_gate.__main__ import app
from components.shared.contracts.verdict import Verdict, write_verdict


@pytest.mark.parametrize(("passed", "status", "said"), [(True, 0, ""), (False, 1, "analysis: it learns\n")])
def test_the_exit_status_says_whether_the_check_passed(tmp_path, passed, status, said):
    write_verdict(tmp_path / "verdict.json", Verdict(check="analysis", passed=passed, reason="it learns"))
    result = CliRunner().invoke(app, [str(tmp_path / "verdict.json")])
    assert result.exit_code == status
    assert result.output == said
