"""Digests of code change with what is executed, and with nothing else."""

import pytest
from places import ROOT

from manyseeds.io.code_digest import canonical_code, code_digest, reached_files

SCRIPTS = ROOT / "workflow_scripts"
FILES = {
    "script.py": """
from _job import job
with job() as report:
    from manyseeds import geometry
    geometry.measure()
""",
    "_job.py": "def job(): ...",
    "manyseeds/__init__.py": "",
    "manyseeds/geometry.py": """
'''Doc.'''
from manyseeds.deep.inner import VALUE

def measure():
    '''Doc.'''
    return VALUE  # why
""",
    "manyseeds/deep/__init__.py": "",
    "manyseeds/deep/inner.py": "from . import sibling\nVALUE = 1\n'Of VALUE.'",
    "manyseeds/deep/sibling.py": "class A:\n    'Doc.'",
    "manyseeds/unrelated.py": "x = 1",
    "manyseeds/figures.py": "x = 1",
}


@pytest.fixture
def digest(tmp_path):
    """Digest of script.py in a copy of FILES, one of them changed."""
    copies = iter(range(99))

    def of(changed=None, text="", *modules):
        folder = tmp_path / str(next(copies))
        for name, original in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if name == changed else original)
        return code_digest(folder / "script.py", *modules)

    return of


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("script.py", FILES["script.py"].replace("measure()", "measure(1)")),
        ("manyseeds/geometry.py", FILES["manyseeds/geometry.py"].replace("return VALUE", "return -VALUE")),
        ("manyseeds/deep/inner.py", "from . import sibling\nVALUE = 2\n"),
        ("manyseeds/deep/sibling.py", "class A:\n    x = 1\n"),
        ("manyseeds/deep/__init__.py", "import os\n"),
    ],
)
def test_changed_code_changes_the_digest(digest, file, text):
    assert digest(file, text) != digest()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("script.py", '"""New."""\n# New.\n' + FILES["script.py"]),
        ("manyseeds/geometry.py", FILES["manyseeds/geometry.py"].replace("Doc", "New").replace("# why", "  # because")),
        ("manyseeds/geometry.py", FILES["manyseeds/geometry.py"].replace("\n\n", "\n\n\n\n")),
        ("manyseeds/deep/inner.py", "from . import sibling\nVALUE = 1\n"),
        ("manyseeds/deep/sibling.py", "class A:\n    pass\n"),
        ("manyseeds/unrelated.py", "x = 2\n"),
        ("_job.py", "def job(): return 1\n"),
    ],
)
def test_comments_docstrings_layout_and_unrelated_files_do_not(digest, file, text):
    assert digest(file, text) == digest()


def test_imports_for_type_checkers_do_not_count(digest):
    geometry = FILES["manyseeds/geometry.py"]
    typed = geometry.replace(
        "from manyseeds.deep", "if TYPE_CHECKING:\n    from manyseeds import unrelated\nfrom manyseeds.deep"
    )
    executed = typed.replace("if TYPE_CHECKING", "if True")
    assert digest("manyseeds/geometry.py", typed) == digest()
    assert digest("manyseeds/geometry.py", executed) != digest()


def test_the_names_for_notebooks_do_not_count(digest):
    assert digest("manyseeds/__init__.py", "from manyseeds import unrelated\n") == digest()


def test_modules_loaded_by_name_count_where_they_are_named(digest):
    assert digest("manyseeds/figures.py", "x = 2\n") == digest()
    named = ("manyseeds.figures",)
    assert digest(None, "", *named) != digest()
    assert digest("manyseeds/figures.py", "x = 2\n", *named) != digest(None, "", *named)


def test_strings_that_are_values_are_kept(tmp_path):
    def written(text):
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.py"
        file.write_text(text)
        return canonical_code(file)

    code = written('"""Doc."""\nname = "kept"\nprint("kept too")\n')
    assert code == written("name = 'kept'\nprint('kept too')")
    assert code != written("name = 'other'\nprint('kept too')")
    assert code != written("name = 'kept'")


def test_the_digest_is_the_same_in_all_versions_of_python(tmp_path):
    """Of what `ast.unparse` or `ast.dump` write otherwise from 3.12 or 3.13 on."""
    (tmp_path / "script.py").write_text("""
def f(x, *, y=None, **rest):
    "Doc."
    return f"{x!r:>{y}}" + f"it's {rest['a']}" f" \\n {y + 1:.2f}" + "é" + repr({**rest, None: -1.5e300})
class A: ...
""")
    assert code_digest(tmp_path / "script.py") == "9b16be9c8a41a0537e7e6dac05668c79"


def test_training_depends_on_the_modules_it_runs_and_not_on_the_statistics():
    root = SCRIPTS / "manyseeds"
    files = [file.relative_to(root) for file in reached_files(SCRIPTS / "train.py") if root in file.parents]
    assert {"engine", "streams", "spec", "files"} <= {file.stem for file in files}
    folders = {file.parts[0] for file in files if len(file.parts) > 1}
    assert folders == {"io", "study", "data", "models", "training"}
