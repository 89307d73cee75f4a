from components.active_learning.__main__ import app
from tests.command_lines import run_command
from tests.components.active_learning.queue.planted_faults import filled_sheet, sheet_bytes
from tests.components.active_learning.queue.small_queues import small_queue


def test_a_queue_goes_out_and_comes_back_by_commands(tmp_path):
    queue = small_queue(tmp_path)
    requests, second = tmp_path / "requests", tmp_path / "second"
    for times in range(2):
        done = run_command(app, "export-queue", "--requests", requests, "--pool", queue.pool, "--queue", second)
        assert (done.returncode, "12 examples to label" in done.stdout) == (0, True)
        assert ("it was there already" in done.stdout) == (times == 1)
    header, rows = filled_sheet(queue.sheet(), queue.answers)
    rows[3]["label"] = "maybe"
    (tmp_path / "kim.csv").write_bytes(sheet_bytes(header, rows))
    told = ["--queue", second, "--labels", tmp_path / "kim.csv", "--pool", queue.pool]

    done = run_command(app, "import-labels", "--examples", queue.examples, "--output", tmp_path / "out", *told)

    assert done.returncode == 0, done.stderr
    assert "kim.csv, row 5: one of Bad, 좋음 was expected, got 'maybe'" in done.stdout
    assert "passed: 11 rows joined the table" in done.stdout


def test_files_of_another_queue_exit_1_and_what_cannot_be_read_exits_2(tmp_path):
    queue = small_queue(tmp_path)
    (tmp_path / "other.csv").write_text("example_id,label\nz,Bad\n")
    told = ["--examples", queue.examples, "--pool", queue.pool, "--queue", queue.queue]

    failed = run_command(app, "import-labels", *told, "--labels", tmp_path / "other.csv", "--output", tmp_path / "out")
    wrong = run_command(app, "import-labels", *told, "--labels", tmp_path / "none.csv", "--output", tmp_path / "out2")
    none = run_command(
        app, "withdraw-labels", "--examples", queue.examples, "--model-version", "v1", "--output", tmp_path / "out3"
    )

    assert (failed.returncode, wrong.returncode, none.returncode) == (1, 2, 2)
    assert "error: the labels must be at a path or a URI, but there is nothing at" in wrong.stderr
    assert "but no model did, got 'v1'" in none.stderr
