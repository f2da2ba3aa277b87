"""What the documentation names is there: links, files, gates, roles, verbs; and both READMEs say the same."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from golive import doctor
from golive.__main__ import parser
from golive.completion import _parts
from golive.lab import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("inventories/*/README.md")])
WRITTEN = [page for page in PAGES if page.name not in ("CHANGELOG.md", "test-report.md")]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
GUIDE = ROOT / "docs" / "guide.md"
KNOWN_GATES = {str(gate["id"]) for gates in doctor.catalogue().values() for gate in gates}


def name(page):
    return page.relative_to(ROOT).as_posix()


def code_blocks(text):
    """Return the lines that a reader would type: fenced ones of a shell, and indented ones."""
    fenced = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ").splitlines()
    indented = [
        line.strip() for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines() if line[:4] == "    "
    ]
    return [line for line in [*fenced, *indented] if line.startswith("./golive")]


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_every_link_leads_somewhere(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", [page for page in WRITTEN if "decisions" not in page.parts], ids=name)
def test_every_verb_that_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"\./golive ([a-z]+)", text))
    assert named <= set(_parts(parser()))


@pytest.mark.parametrize("page", [page for page in WRITTEN if "decisions" not in page.parts], ids=name)
def test_every_command_of_a_page_is_understood(page):
    for line in code_blocks(page.read_text(encoding="utf-8")):
        words = re.sub(r"\s#.*", "", line).replace('"', "").split()[1:]
        parser().parse_args(words[: words.index("--")] if "--" in words else words)  # ends the test when it is wrong


def guide_rows():
    rows = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if not row.startswith("| line ")]


def test_the_guide_is_there_line_by_line():
    assert len(guide_rows()) >= 75
    assert all(len(row) == 2 and row[1] for row in guide_rows())


@pytest.mark.parametrize("row", guide_rows(), ids=lambda row: row[0][:40])
def test_what_does_a_line_of_the_guide_exists(row):
    contract = (ROOT / "examples" / "football" / "golive.yml").read_text(encoding="utf-8")
    variables = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/defaults/**/*.yml"))
    for word in re.findall(r"`([^`]+)`", row[1]):
        there = (
            word in KNOWN_GATES
            or f"id: {word}\n" in contract
            or (ROOT / "roles" / word).is_dir()
            or (ROOT / word).exists()
            or (word.startswith("./golive ") and word.split()[1] in _parts(parser()))
            or f"{word.partition('.')[0]}:" in variables
            or word in ("record.md", "changes", "docker logs")
        )
        assert there, word


def shape(text):
    """Return what both languages must have: depth of each heading, commands, links, in order."""
    headings = [
        line.count("#") for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines() if line[:1] == "#"
    ]
    return headings, [line.strip() for line in text.splitlines() if line[:4] == "    "], sorted(LINK.findall(text))


def test_both_readmes_say_the_same():
    english, chinese = (shape((ROOT / page).read_text(encoding="utf-8")) for page in ("README.md", "README.zh.md"))
    english[2].remove("README.zh.md")
    chinese[2].remove("README.md")
    assert english == chinese


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_a_readme_is_a_page(page):
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= 85


def test_the_tutorials_commands_run(tmp_path):
    """All that needs no host: the rest are shown as commands by the tutorial itself."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    lines = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
    lines = lines.replace("inventories/mine", str(tmp_path / "mine")).replace("./golive", "python -m golive")
    path = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'module_utils'}"}
    done = subprocess.run(
        ["bash", "-euxc", lines], cwd=ROOT, env={**os.environ, **path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"playbooks/golive.yml -i {tmp_path}/mine -e release=1.0.0 --check --diff" in done.stdout
