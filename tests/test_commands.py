"""Every command explains itself, and errors are sentences with an exit code."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from cdp import cli


def commands(group: click.Group, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += commands(command, (*before, name))
    return found


@pytest.mark.parametrize("words", commands(cli), ids=" ".join)
def test_a_command_has_help(words):
    result = CliRunner().invoke(cli, [*words, "--help"])

    assert result.exit_code == 0
    assert len(result.output.split("Options:")[0].strip().splitlines()) >= 3


@pytest.mark.parametrize("readme", ["README.md", "README.es.md", "docs/engineers.md", "docs/analysts.md"])
def test_commands_named_in_the_guides_exist(readme):
    import re
    from pathlib import Path

    text = (Path(__file__).parent.parent / readme).read_text(encoding="utf-8")
    known = {words[0] for words in commands(cli)}
    named = set(re.findall(r"`(?:\.venv/bin/)?cdp ([a-z-]+)", text)) | set(
        re.findall(r"^(?:\.venv/bin/)?cdp ([a-z-]+)", text, re.M)
    )
    assert named <= known, named - known


def test_an_error_is_one_sentence_and_exit_code_one(tmp_path, cdp):
    done = cdp(tmp_path, "status", check=False)

    assert done.returncode == 1
    assert "nothing is published yet" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_declaration_names_file_line_and_the_nearest_key(tmp_path, cdp):
    (tmp_path / "sources").mkdir()
    text = "source: shop\ntable: people\ndescription: x\npath: shop/*.csv\ngrain: one\nkey: [id]\nencodng: utf-8\ncolumns:\n  id: {}\n"
    (tmp_path / "sources" / "shop_people.yml").write_text(text)

    done = cdp(tmp_path, "source", "check", check=False, CDP_SOURCES=str(tmp_path / "sources"))

    assert done.returncode == 1
    assert "shop_people.yml, line 7" in done.stderr
    assert "did you mean 'encoding'" in done.stderr
