"""The sidebar of the desk: what the reader may open, and where they are."""

import re

import pytest
from django.urls import reverse

from redemption_site.admin_theme import UNFOLD
from tests.admin.desk import ROLES, World, list_of, text_of

pytestmark = pytest.mark.django_db


def offered(page: str) -> dict[str, bool]:
    """The addresses in the sidebar in their order, and whether each is marked as where the reader is."""
    sidebar = page.partition('id="nav-sidebar-apps"')[2].partition("</nav>")[0]
    links = re.findall(r'<a href="([^"]+)"\s+class="([^"]+)">\s*<span class="material-symbols', sidebar)
    return {link: classes.split()[-1] == "active" for link, classes in links}


@pytest.mark.parametrize("role", [*ROLES, "superuser"])
def test_it_names_just_what_the_reader_may_open(world: World, role: str):
    member = world.staff[role]
    entries = [entry for group in UNFOLD["SIDEBAR"]["navigation"] for entry in group["items"]]
    browser = world.sign_in(role)
    links = offered(text_of(browser.get(reverse("admin:index"))))

    for entry in entries:
        app, _, page = entry["link"].removeprefix("/admin/").partition("/")
        permission = f"{app}.view_{page.partition('/')[0]}" if app else None
        assert (entry["link"] in links) is (permission is None or member.has_perm(permission)), entry["title"]
    assert [link for link in links if browser.get(link).status_code != 200] == []


@pytest.mark.parametrize(
    ("page", "active"),
    [
        (reverse("admin:index"), ["admin:index"]),
        (list_of("codes_batch"), ["admin:codes_batch_changelist"]),
        (list_of("codes_batch", "issue"), ["admin:codes_batch_changelist"]),
        (list_of("codes_code", "find"), ["admin:codes_code_find", "admin:codes_code_changelist"]),
    ],
)
def test_it_marks_where_the_reader_is(world: World, page: str, active: list[str]):
    links = offered(text_of(world.sign_in("manager").get(page)))

    assert [link for link, marked in links.items() if marked] == [reverse(name) for name in active]


def test_a_group_without_anything_to_open_is_not_named(world: World):
    world.staff["manager"].memberships.all().delete()

    page = text_of(world.sign_in("manager").get(reverse("admin:index")))

    assert list(offered(page)) == [reverse("admin:index")]
    assert "Prepaid engine" not in page
