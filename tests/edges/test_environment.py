import pytest

from harness.edges.environment import proxy_credentials


@pytest.mark.parametrize(
    "value",
    [
        "http://robot:secret-word@proxy.test:3128",
        "robot:secret-word@proxy.test:3128",
        "socks5://robot:secret-word@[::1]:1080",
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_credentials_in_a_proxy_variable_are_found(name: str, value: str) -> None:
    assert proxy_credentials({name: value}) == {name: "robot:secret-word"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "http://proxy.test:3128"), ("HTTP_PROXY", ""), ("NO_PROXY", "a@b"), ("PATH", "a:b@c")],
)
def test_what_holds_none_names_none(name: str, value: str) -> None:
    assert proxy_credentials({name: value}) == {}
