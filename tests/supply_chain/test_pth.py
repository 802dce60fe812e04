"""What Python runs at its start: found in a real site-packages folder, without running it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = ROOT / "scripts" / "check_pth.py"
DISTUTILS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim(); \n"
)


def check(
    *folders: Path, python: str = sys.executable, flags: str = "-IS"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, flags, str(CHECK), *map(str, folders)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site-packages folder with what belongs there."""
    folder = tmp_path / "site-packages"
    (folder / "numpy").mkdir(parents=True)
    (folder / "numpy" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "_editable_impl_drift_harness.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    (folder / "distutils-precedence.pth").write_text(DISTUTILS, encoding="utf-8")
    (folder / "_virtualenv.pth").write_text("import _virtualenv", encoding="utf-8")
    return folder


def test_what_belongs_there_is_passed_over(site: Path) -> None:
    done = check(site)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("stolen_init.pth", "import os; os.system('curl …')\n", "stolen_init.pth:1: runs at every start"),
        (".hidden.pth", "import evil\n", ".hidden.pth: nobody expects this .pth file"),
        ("paths.pth", "/somewhere/else\n", "paths.pth:1: adds a folder to the path: /somewhere/else"),
        ("empty.pth", "", "empty.pth: nobody expects this .pth file"),
        ("tab.pth", "# tidy\nimport\tevil\n", "tab.pth:2: runs at every start"),
        ("carriage.pth", "# tidy\rimport evil\r", "carriage.pth:2: runs at every start"),
        ("distutils-precedence.pth", DISTUTILS + "import evil\n", "distutils-precedence.pth:2: runs at"),
        ("distutils-precedence.pth", DISTUTILS.replace("; var", "; import evil; var"), "-precedence.pth:1: "),
        ("_editable_impl_drift_harness.pth", "/another/project\n", "_harness.pth:1: adds a folder"),
        ("_virtualenv.py", "import evil\n", "_virtualenv.py: is imported at every start, and holds"),
        ("_virtualenv.pyc", "", "_virtualenv.pyc: is imported at every start, and holds"),
        ("_virtualenv.cpython-311-x86_64-linux-gnu.so", "", "is imported at every start, and holds"),
        ("_virtualenv/__init__.py", "", "_virtualenv: is imported at every start, and holds"),
        ("sitecustomize.py", "", "sitecustomize.py: is imported at every start"),
        ("usercustomize.py", "", "usercustomize.py: is imported at every start"),
        ("sitecustomize.pyc", "", "sitecustomize.pyc: is imported at every start"),
        ("sitecustomize.cpython-311-x86_64-linux-gnu.so", "", "is imported at every start"),
        ("sitecustomize/__init__.py", "", "sitecustomize: is imported at every start"),
    ],
)
def test_what_nobody_expects_is_named(site: Path, name: str, content: str, said: str) -> None:
    path = site / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode())
    done = check(site)
    assert done.returncode == 1
    assert said in done.stderr
    assert "EXPECTED in scripts/check_pth.py" in done.stderr


def test_a_folder_that_a_pth_file_adds_is_looked_into(site: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sitecustomize.py").write_text("", encoding="utf-8")
    (site / "more.pth").write_text(f"{elsewhere}\n", encoding="utf-8")
    assert f"{elsewhere / 'sitecustomize.py'}: is imported" in check(site).stderr


def test_bytes_that_are_no_text_and_a_terminals_escapes_do_no_harm(site: Path) -> None:
    (site / "odd.pth").write_bytes(b"\xff\xfe\x00import\n\x1b[2Jimport os\n")
    done = check(site)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert done.stderr.count("odd.pth") == 3


def test_what_is_found_has_not_been_run_and_cannot_hide_itself(tmp_path: Path) -> None:
    """A real environment whose `.pth` ends every Python at once, as if all was well."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (site,) = (tmp_path / "env").rglob("site-packages")
    assert check(python=str(python)).returncode == 0
    (site / "ended.pth").write_text("import os; os._exit(0)\n", encoding="utf-8")
    assert check(python=str(python), flags="-I").returncode == 0, "with `site` it would have hidden itself"
    done = check(python=str(python))
    assert done.returncode == 1
    assert f"{site / 'ended.pth'}:1: runs at every start: import os; os._exit(0)" in done.stderr


def test_a_folder_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    assert check(tmp_path / "nowhere").returncode == 2


def test_make_check_looks_before_anything_else_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.split("\ncheck:")[1].split("\n\n")[0].splitlines()[1:]
    assert recipe[0].strip() == "$(BIN)/python -I -S scripts/check_pth.py"
