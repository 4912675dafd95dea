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


def test_shipped_routes_lead_to_shipped_policies():
    for route in load_routes(POLICIES.parent / "routes.toml").routes:
        assert route.policy in SHIPPED
