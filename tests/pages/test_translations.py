"""The German catalogue: complete, compiled as it is written, and about strings that are really said."""

import ast
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template import engines
from django.template.base import Node, Template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

from redemption_site.edge.answers import ANSWERS
from redemption_site.pages.words import NEXT_STEPS

BASE = Path(settings.BASE_DIR)
CATALOGUE = BASE / "redemption_site/locale/de/LC_MESSAGES/django.po"
TEMPLATES = sorted(
    path
    for folder in ("redemption_site/templates", "codes/templates")
    for path in (BASE / folder).rglob("*.*")
    if "admin" not in path.parts
)
MODULES = [
    *sorted((BASE / "redemption_site/pages").glob("*.py")),
    BASE / "redemption_site/edge/answers.py",
    BASE / "codes/receipt_words.py",
    BASE / "codes/mailing.py",
]
# How a string is marked, and which of the call's arguments it is.
MARKS = {"_": 0, "gettext": 0, "gettext_lazy": 0, "gettext_noop": 0, "ngettext": 0, "pgettext": 1}


def said_in_module(path: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    marked = [
        (call, MARKS[call.func.id]) for call in calls if isinstance(call.func, ast.Name) and call.func.id in MARKS
    ]
    arguments = [call.args[place] for call, place in marked]
    return {argument.value for argument in arguments if isinstance(argument, ast.Constant)}


def said_in_template(path: Path) -> set[str]:
    template = Template(path.read_text(), engine=engines["django"].engine)
    said = set()
    for node in nodes_below(template.nodelist):
        if isinstance(node, TranslateNode):
            said.add(node.filter_expression.token.strip("\"'"))
        if isinstance(node, BlockTranslateNode):
            assert node.trimmed, f"{path.name}: blocktranslate without trimmed"
            said.add(node.render_token_list(node.singular)[0].strip())
    return {" ".join(text.split()) for text in said}


def nodes_below(nodes) -> list[Node]:
    """Every node, inside conditions and blocks too."""
    return [*nodes.get_nodes_by_type(Node)]


@pytest.fixture(scope="module")
def said() -> set[str]:
    return set().union(*map(said_in_module, MODULES), *map(said_in_template, TEMPLATES))


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


def test_every_string_that_is_said_is_in_the_catalogue_and_no_other(said, catalogue):
    assert len(said) > 100
    assert said == {entry.msgid for entry in catalogue}


def test_every_refusal_and_every_next_step_is_translated(catalogue):
    translated = {entry.msgid for entry in catalogue if entry.translated()}

    assert {answer.message for answer in ANSWERS.values()} <= translated
    assert {step for answer in ANSWERS.values() for step in answer.next_steps} == set(NEXT_STEPS)


def test_nothing_is_untranslated_fuzzy_or_obsolete(catalogue):
    assert [entry.msgid for entry in catalogue if not entry.translated() or entry.fuzzy or entry.obsolete] == []
    assert catalogue.percent_translated() == 100


def test_a_translation_names_what_the_original_names(catalogue):
    for entry in catalogue:
        for german in (entry.msgstr, *entry.msgstr_plural.values()):
            if german:
                assert placeholders(german) == placeholders(entry.msgid), entry.msgid


def placeholders(text: str) -> set[str]:
    return {part.split(")")[0] for part in text.split("%(")[1:]}


def test_what_is_compiled_is_what_is_written(catalogue):
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))

    assert compiled.metadata == catalogue.metadata
    assert {(e.msgctxt, e.msgid, e.msgstr, str(e.msgstr_plural)) for e in compiled} == {
        (e.msgctxt, e.msgid, e.msgstr, str(e.msgstr_plural)) for e in catalogue
    }
