# SPDX-License-Identifier: Apache-2.0
"""Routes: the first that matches is taken; what matches none is held."""

import pytest
from tests.data.policies import POLICIES, SHIPPED

from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.policy.routes import load_routes, matches

ROUTES = """
[[route]]
name = "mammo of north"
calling = ["NORTH_*"]
modality = ["MG", "US"]
site = "north"
project = "breast"
policy = "mammography"

[[route]]
name = "dose reports of north"
calling = ["NORTH_1"]
sop_class = ["1.2.840.10008.5.1.4.1.1.88.*"]
called = ["DOSE"]
site = "north"
project = "dose"
policy = "basic"

[[route]]
name = "rest"
calling = ["SOUTH"]
site = "south"
project = "breast"
policy = "longitudinal"
"""
CT, SR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.67"


@pytest.fixture
def routes(tmp_path):
    path = tmp_path / "routes.toml"
    path.write_text(ROUTES, encoding="utf-8")
    return load_routes(path)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("NORTH_1", "DEIDGATE", "MG", CT), "mammo of north"),
        (("NORTH_2 ", "DEIDGATE", "US", CT), "mammo of north"),
        (("NORTH_1", "DOSE", "SR", SR), "dose reports of north"),
        (("SOUTH", "ANY", "CT", CT), "rest"),
    ],
)
def test_the_first_route_whose_conditions_all_match_is_taken(routes, asked, expected):
    assert routes.resolve(*asked).name == expected


@pytest.mark.parametrize(
    "asked",
    [
        ("NORTH_1", "DEIDGATE", "CT", CT),
        ("NORTH_2", "DOSE", "SR", SR),
        ("north_1", "DEIDGATE", "MG", CT),
        ("", "", "", ""),
    ],
)
def test_an_instance_that_no_route_matches_is_held(routes, asked):
    with pytest.raises(CannotDeidentify) as held:
        routes.resolve(*asked)
    assert held.value.code == "no-route"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('site = "north"', 'sight = "north"'),
        ('policy = "basic"', ""),
        ('modality = ["MG", "US"]', 'modality = "MG"'),
        ('name = "rest"', 'name = "mammo of north"'),
        ("[[route]]", "[[rout]]"),
        ('site = "south"', f'site = "{"s" * 65}"'),
        ('project = "dose"', f'project = "{"p" * 65}"'),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, old, new):
    path = tmp_path / "routes.toml"
    path.write_text(ROUTES.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_routes(path)
    assert "routes.toml" in str(error.value)


@pytest.mark.parametrize("name", ["CT_1", " CT_1", "CT_1 ", "  CT_1          "])
@pytest.mark.parametrize("pattern", ["CT_1", "CT_?", " CT_1 "])
def test_spaces_around_an_ae_title_are_not_significant(pattern, name):
    assert matches([pattern], name)
    assert not matches([pattern], name.replace("_", " _"))


def test_a_site_and_a_project_may_fill_the_ledgers_columns(tmp_path):
    path = tmp_path / "routes.toml"
    path.write_text(ROUTES.replace('"south"', f'"{"s" * 64}"').replace('"dose"', f'"{"p" * 64}"'), encoding="utf-8")
    _, dose, rest = load_routes(path).routes
    assert (len(dose.project), len(rest.site)) == (64, 64)


def with_commitments(*addresses):
    """Routes of one sender, each with its address."""
    line = '[[route]]\nname = "{}"\ncalling = ["{}"]\nsite = "n"\nproject = "p"\npolicy = "basic"\ncommitment = "{}"\n'
    return "".join(line.format(number, "NORTH", address) for number, address in enumerate(addresses))


@pytest.mark.parametrize("addresses", [("ct:1", "", ""), ("", "ct:1", ""), ("", "", "ct:1"), ("ct:1", "ct:1", "")])
def test_an_address_for_commitment_holds_for_all_routes_of_its_sender(tmp_path, addresses):
    path = tmp_path / "routes.toml"
    path.write_text(with_commitments(*addresses), encoding="utf-8")
    assert load_routes(path).commitments == {"NORTH": "ct:1"}


@pytest.mark.parametrize("addresses", [("ct:1", "ct:2"), ("ct:1", "", "ct:2"), ("ct:2", "ct:1", "ct:1")])
def test_two_addresses_of_one_sender_are_refused(tmp_path, addresses):
    path = tmp_path / "routes.toml"
    path.write_text(with_commitments(*addresses), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"two-addresses.*NORTH"):
        load_routes(path)


def test_shipped_routes_lead_to_shipped_policies():
    for route in load_routes(POLICIES.parent / "routes.toml").routes:
        assert route.policy in SHIPPED
