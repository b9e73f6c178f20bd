"""The installation by `make` says what it does, and ends as pip ends."""

import sys

from scripts.pip_progress import Report, run

OUTPUT = """\
Collecting numpy==2.4.6 (from -r requirements.txt (line 1))
  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl (16.1 MB)
Processing /opt/files/pyarrow-26.0.1-cp311.whl (from -r requirements.txt (line 2))
Installing collected packages: numpy, pyarrow, scipy
"""


def test_it_names_the_file_that_is_downloaded_then_counts_what_is_unpacked(tmp_path):
    (tmp_path / "pip-25.0.dist-info").mkdir()
    report, texts = Report(tmp_path), []
    for line in OUTPUT.splitlines():
        report.read(line)
        texts.append(report.text())
    (tmp_path / "numpy-2.4.6.dist-info").mkdir()
    assert texts == [
        "reading the index",
        "downloading: numpy (16.1 MB)",
        "downloading: pyarrow",
        "unpacking: 0 of 3 packages",
    ]
    assert report.text() == "unpacking: 1 of 3 packages"


def test_it_prints_while_pip_is_silent_and_returns_the_status_of_pip(tmp_path, capfd):
    waits = "import sys, time; time.sleep(0.3); sys.stderr.write('no such package'); sys.exit(7)"
    assert run([sys.executable, "-c", waits], Report(tmp_path), seconds=0.05) == 7
    printed = capfd.readouterr()
    assert "s  reading the index" in printed.out
    assert printed.err == "no such package"
