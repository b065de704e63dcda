"""How often an address may ask and how much it may leave on the disk; whose address that is behind a proxy."""

from __future__ import annotations

import pytest

from lstm_apps.server.rate_limits import Addresses, RateLimiter, UploadQuota
from lstm_models.errors import InputError


class TestRates:
    def test_a_bucket_gives_its_burst_then_its_rate(self):
        now = [0.0]
        limiter = RateLimiter(60, clock=lambda: now[0])
        assert [limiter.wait("a") for _ in range(30)] == [0.0] * 30
        assert limiter.wait("a") == pytest.approx(1.0)
        assert limiter.wait("b") == 0.0
        now[0] = 0.5
        assert limiter.wait("a") == pytest.approx(0.5)
        now[0] = 1.0
        assert limiter.wait("a") == 0.0
        now[0] = 1e6
        assert sum(limiter.wait("a") == 0.0 for _ in range(100)) == 30

    def test_what_costs_more_than_the_burst_comes_through_once(self):
        limiter = RateLimiter(2, clock=lambda: 0.0)
        assert limiter.wait("a", 5.0) == 0.0
        assert limiter.wait("a", 5.0) == pytest.approx(30.0)

    def test_no_rate_is_no_limit(self):
        limiter = RateLimiter(0)
        assert not any(limiter.wait("a") for _ in range(1000))
        assert len(limiter) == 0

    def test_addresses_do_not_pile_up(self):
        limiter = RateLimiter(60, clock=lambda: 0.0)
        for number in range(10_500):
            limiter.wait(str(number))
        assert len(limiter) == 10_000

    def test_uploads_count_by_what_lies_on_the_disk_until_they_are_gone(self, tmp_path):
        def file(name, size):
            path = tmp_path / name / "a.bin"
            path.parent.mkdir()
            path.write_bytes(bytes(size))
            return str(path)

        now = [0.0]
        quota = UploadQuota(200_000, 60, fraction=0.5, clock=lambda: now[0])
        quota.add("a", [file("one", 70_000)])  # 18 blocks of 4096, and one for its folder
        assert quota.room("a") == 100_000 - 19 * 4096
        assert quota.room("b") == 100_000  # a share of its own
        now[0] = 50
        quota.add("b", [file("two", 1), file("three", 0)])  # the smallest file takes a block
        assert quota.room("b") == 100_000 - 3 * 4096
        quota.add("c", [])
        quota.add("c", [str(tmp_path / "nowhere")])
        assert quota.room("c") == 100_000
        now[0] = 61
        assert quota.room("a") == 100_000
        assert sorted(path.name for path in tmp_path.iterdir()) == ["three", "two"]  # its folder has gone, too


class TestAddresses:
    @pytest.mark.parametrize(
        ("proxies", "peer", "forwarded", "client"),
        [
            ((), "203.0.113.5", "198.51.100.1", "203.0.113.5"),  # nobody is believed
            (("10.0.0.0/8",), "10.1.2.3", "198.51.100.1", "198.51.100.1"),
            (("10.0.0.0/8",), "10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"),  # the first is forged
            (("10.0.0.0/8",), "203.0.113.5", "198.51.100.1", "203.0.113.5"),  # not by way of the proxy
            (("10.0.0.0/8",), "10.1.2.3", "", "10.1.2.3"),
            (("127.0.0.1",), "::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
            ((), "2001:db8:1:2:aaaa::1", "", "2001:db8:1:2::"),
            (("10.0.0.0/8",), "10.1.2.3", "nonsense" * 100, "nonsense" * 8),
        ],
    )
    def test_the_client_is_who_the_trusted_say(self, proxies, peer, forwarded, client):
        assert Addresses(proxies).client(peer, forwarded) == client

    def test_a_proxy_is_an_address(self):
        with pytest.raises(InputError, match=r"--trusted-proxy is proxy\.local; an address or a network"):
            Addresses(["proxy.local"])
