"""The pages about the roles are what the roles' own files say."""

from __future__ import annotations

import re

import pytest

from golive import docs
from golive.docs import Role, head_comment, role_page, roles_page
from golive.lab import ROOT

PAGES = docs.pages()
ROLE = Role(
    name="tea",
    specs={
        "argument_specs": {
            "main": {
                "short_description": "Tea",
                "description": ["Sets O(tea_cups) to V(2).", "Listens | waits"],
                "options": {
                    "tea_cups": {"type": "int", "default": 2, "description": "Cups."},
                    "tea_kind": {"type": "str", "choices": ["green", "black"], "required": True, "description": "Kind"},
                    "tea_rules": {"type": "str", "description": ["Rules."]},
                    "tea_guests": {
                        "type": "list",
                        "elements": "dict",
                        "default": [],
                        "description": "Guests.",
                        "options": {
                            key: {
                                "type": "dict",
                                "description": "Wishes.",
                                "options": {"sugar": {"type": "bool", "default": False, "description": "Sugar."}},
                            }
                            for key in ("first", "second")
                        },
                    },
                },
            },
            "pour": {"short_description": "Pour one cup", "options": {}},
        }
    },
    meta={"galaxy_info": {"platforms": [{"name": "Debian", "versions": ["bookworm", "trixie"]}]}},
    defaults={"tea_cups": 2, "tea_rules": "x" * 61, "tea_guests": []},
    renamed={"tea_mugs": "tea_cups"},
    tasks={"main": "", "remove": "Called by name only. Leaves stay.", "pour": "", "inner": "", "wash": "Wash. Slowly."},
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_is_what_the_specs_generate(path):
    assert path.exists(), "there is no such page; run ./golive docs"
    assert path.read_text(encoding="utf-8") == PAGES[path], "the page is not what the specs say; run ./golive docs"


@pytest.mark.parametrize(
    "line",
    [
        "# tea",
        "Sets `tea_cups` to `2`. Listens \\| waits.",
        "Runs on Debian 12 and Debian 13.",
        "| `tea_cups` | int | `2` | Cups. |",
        "| `tea_kind` | str | required | Kind. One of `green`, `black`. |",
        "| `tea_rules` | str | [see there](defaults) | Rules. |",
        "| `tea_guests` | list of dict | `[]` | Guests. |",
        "### Each entry of `tea_guests`",
        "### `tea_guests.first/second`",
        "| `sugar` | bool | `false` | Sugar. |",
        "- `tasks_from: pour`: Pour one cup.",
        "- `tasks_from: wash`: Wash. Slowly.",
        "`tasks_from: remove`. Leaves stay.",
        "| `tea_mugs` | `tea_cups` |",
    ],
)
def test_what_a_roles_page_says(line):
    assert line in role_page(ROLE).splitlines()


def test_an_inner_part_without_a_word_is_not_offered():
    assert "inner" not in role_page(ROLE)


def test_the_list_of_roles_has_one_line_each():
    assert "| [tea](../roles/tea/README.md) | Tea. | Debian 12 and Debian 13 |" in roles_page([ROLE]).splitlines()


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("---\n# One\n# two.\n- name: X\n  # three\n", "One two."),
        ("---\n- name: X\n# no head\n", ""),
        ("# One.\n\n# Of the task.\n- name: X\n", "One."),
    ],
)
def test_the_comment_at_the_head_of_a_file(text, comment):
    assert head_comment(text) == comment


def test_every_alert_leads_to_a_section_that_exists():
    for name, page, section in re.findall(r"\| \[(\w+)\]\((.+?)#(.+?)\)", PAGES[ROOT / "docs" / "observability.md"]):
        headings = re.findall(r"^## (.+)$", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.M)
        assert section in [heading.lower() for heading in headings], name
