# SPDX-License-Identifier: Apache-2.0
"""Passwords cannot be guessed at the research zone's door, and who has logged in notices nothing of those who try.

The guesses come from made-up addresses, which the gate is told as `edge` tells it those of people: no other test comes
from there.
"""

import secrets
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

URL = "https://gate-research:8443"
GUESSES = 10
"""That an address has, and then one every six seconds."""

# Status and cookie. What curl is to say comes by its input: processes can be listed.
TRY = """
curl --silent --insecure --haproxy-clientip "$1" --config - --output /dev/null \\
    --write-out '%{http_code} %header{set-cookie}\\n' "$2"
"""
# Each guess is another one.
GUESS = """
for number in $(seq "$4"); do
    curl --silent --insecure --haproxy-clientip "$1" --user "$3:guess-$number" --output /dev/null \
        --write-out '%{http_code}\\n' "$2"
done
"""


@pytest.fixture
def door(gateway):
    return Door(gateway)


class Door:
    """The research zone's log-in, as it is met from any address."""

    def __init__(self, gateway):
        self._gateway = gateway
        self.researcher = gateway.credentials["research"]

    def log_in(self, address, *, path="/", password="", cookie=""):
        """Status and cookie of one request with the right name; with the right password if none is given."""
        return self.ask(
            address, path, user=f"{self.researcher['user']}:{password or self.researcher['password']}", cookie=cookie
        )

    def ask(self, address, path, **options):
        """Status and cookie of one request."""
        given = "\n".join(f'{name} = "{value}"' for name, value in options.items() if value)
        status, _, cookie = self._run(TRY, given, address, URL + path).strip().partition(" ")
        return int(status), cookie

    def guess(self, address, number, user=""):
        """How often each status was the answer to `number` wrong passwords, one after the other."""
        told = self._run(GUESS, "", address, URL + "/", user or self.researcher["user"], str(number))
        return Counter(int(status) for status in told.split())

    def guess_until_shut(self, address):
        """Return when the right password is refused as well; a guess is let through now and then in between."""
        # Under a name of its own: what fills is the address.
        refused = [self.guess(address, GUESSES, user=f"nobody-{address}") and self.log_in(address) for _ in range(5)]
        assert (429, "") in refused

    def _run(self, script, data, *words):
        done = subprocess.run(
            ["docker", "exec", "-i", self._gateway.container("edge"), "sh", "-c", script, "sh", *words],
            input=data,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture
def address():
    """One that is nobody's, and that no earlier run of a test has had."""
    return f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


@pytest.fixture
def elsewhere():
    return f"198.19.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def test_of_200_wrong_passwords_from_one_address_few_are_looked_at(door, address, elsewhere):
    assert door.log_in(address)[0] == 200
    answers = door.guess(address, 200)
    assert answers.keys() == {401, 429}
    # One more for each six seconds that the guessing took.
    assert GUESSES <= answers[401] < 50
    door.guess_until_shut(address)
    assert door.log_in(elsewhere)[0] == 200


def test_who_is_logged_in_goes_on_behind_an_address_that_guesses(door, address):
    status, cookie = door.log_in(address)
    known = cookie.partition(";")[0]
    assert status == 200
    assert known
    door.guess_until_shut(address)
    assert door.log_in(address, cookie=known) == (200, "")
    with_another_password = {door.log_in(address, password="another", cookie=known) for _ in range(5)}
    assert (429, "") in with_another_password
    assert with_another_password <= {(429, ""), (401, "")}


def test_a_browsers_first_requests_have_no_password_and_are_no_guesses(door, address):
    assert {door.ask(address, "/ohif/") for _ in range(2 * GUESSES)} == {(401, "")}
    assert door.log_in(address)[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/ohif", "/ohif/", "/favicon.ico", "/explorer", "/nothing", "/dicom-web/studies"]
)
def test_no_address_tells_a_wrong_password_that_it_is_known(door, address, path):
    status, cookie = door.log_in(address, path=path, password="wrong")
    assert status not in (200, 429)
    assert cookie == ""


def test_many_addresses_that_guess_one_name_are_slowed_down_together(door):
    name = secrets.token_hex(4)
    answers = [door.guess(f"198.18.{number}.{secrets.randbelow(256)}", GUESSES, user=name) for number in range(12)]
    looked_at = sum(answer[401] for answer in answers)
    assert looked_at < 12 * GUESSES
    assert answers[0] == {401: GUESSES}
    assert answers[-1][429] > 0


def test_all_addresses_of_one_ipv6_network_count_as_one(door):
    network = f"2001:db8:{secrets.randbelow(65536):x}:1"
    assert door.guess(f"{network}::1", GUESSES, user="nobody-6")[401] == GUESSES
    assert door.guess(f"{network}:0:2::3", GUESSES, user="nobody-6")[429] > 0
    assert door.guess(f"{network[:-1]}2::1", 1, user="nobody-6") == {401: 1}


def test_right_log_ins_are_never_limited_however_many_come_at_once_and_without_a_cookie(gateway):
    research = gateway.credentials["research"]

    def ask(_number):
        with requests.Session() as web:
            web.auth, web.verify = (research["user"], research["password"]), research["ca"]
            web.trust_env = False
            return web.get(f"{research['url']}/dicom-web/studies?limit=1", timeout=60).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(ask, range(400)))
    assert set(answers) <= {200, 204}


def test_what_was_refused_is_told_apart_in_the_log_and_nothing_that_was_typed_is_in_it(gateway, door, address):
    secret, name, term = (secrets.token_hex(8) for _ in range(3))
    search = f"/dicom-web/studies?PatientName={term}"
    assert door.ask(address, search, user=f"{name}:{secret}")[0] == 401
    door.guess_until_shut(address)
    assert door.ask(address, search, user=f"{name}:{secret}")[0] == 429
    log = subprocess.run(
        ["docker", "logs", "--tail", "200", gateway.container("gate-research")],
        capture_output=True,
        text=True,
        check=True,
    )
    for status in (401, 429):
        assert [line for line in log.stdout.splitlines() if line.startswith(f"{address} ") and f'" {status} ' in line]
    for typed in (secret, name, term):
        assert typed not in log.stdout + log.stderr
