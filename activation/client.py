"""Calls to a platform: within its published limits, tried again when that helps, told apart by what is to be done about a failure.

One client per destination and connection. A call comes back, or raises: :class:`~activation.errors.Refused` (400, 404, 413, 422: something in
this batch is wrong), :class:`~activation.errors.Terminal` (401, 403: a person must act), :class:`~activation.errors.Retryable` (still failing
after all tries). Messages name the endpoint and the status, never a body: bodies hold people.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from pydantic import Field

from activation.errors import Refused, Retryable, Terminal
from warehouse.declarations import Declared, load
from warehouse.settings import now

TRIES = 6
TIMEOUT_S = 30.0
#: Nobody is waited for longer than this between two tries; a platform that asks for more is left for the next run.
LONGEST_WAIT_S = 120.0
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
REFUSED = frozenset({400, 404, 409, 413, 422})


class Limits(Declared):
    """What one platform takes."""

    batch: int
    calls_a_minute: int
    min_list_size: int
    refresh_days: int = Field(
        default=0, ge=0, description="days after which members are sent again, before the platform forgets them"
    )
    source: str


class AllLimits(Declared):
    """`activation/limits.yml`."""

    platforms: dict[str, Limits]


@cache
def limits_of(platform: str) -> Limits:
    """Return a platform's published limits.

    Raises:
        DeclarationError: `limits.yml` is wrong.
    """
    return load(Path(__file__).parent / "limits.yml", AllLimits).platforms[platform]


@dataclass
class Clock:
    """Time as the client sees it; tests put their own in its place."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Limiter:
    """No more than so many calls in any minute."""

    calls_a_minute: int
    clock: Clock
    made: deque[float] = field(default_factory=deque)

    def wait(self) -> None:
        """Wait until one more call may be made, and count it."""
        while True:
            at = self.clock.now()
            while self.made and at - self.made[0] >= 60:
                self.made.popleft()
            if len(self.made) < self.calls_a_minute:
                self.made.append(at)
                return
            self.clock.sleep(60 - (at - self.made[0]))


class Client:
    """A platform's API at one base URL with one set of credentials."""

    def __init__(
        self,
        platform: str,
        base_url: str,
        headers: Mapping[str, str],
        calls_a_minute: int | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.platform = platform
        self.clock = clock or Clock()
        self._limiters: dict[str, Limiter] = {}
        self._calls_a_minute = calls_a_minute or limits_of(platform).calls_a_minute
        self._http = httpx.Client(base_url=base_url, headers=dict(headers), timeout=TIMEOUT_S, transport=transport)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def call(
        self,
        method: str,
        endpoint: str,
        path: str,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Make a call and return the answer of a 2xx or 207.

        Args:
            method: of HTTP.
            endpoint: what it is called in limits and messages, without anybody's ids.
            path: where it is, below the base URL.
            json: body.
            params: of the query.
            more: for httpx, `content` and `headers`.

        Raises:
            Refused, Terminal, Retryable: see the module.
        """
        limiter = self._limiters.setdefault(endpoint, Limiter(self._calls_a_minute, self.clock))
        last = "no answer"
        for attempt in range(TRIES):
            limiter.wait()
            try:
                answer = self._http.request(method, path, json=json, params=params, **more)
            except httpx.TransportError as error:
                last = type(error).__name__
                self._pause(attempt, None)
                continue
            if answer.status_code < 300:
                return answer
            last = f"status {answer.status_code}"
            if answer.status_code in TRY_AGAIN:
                wait = _asked_to_wait_s(answer)
                if wait is not None and wait > LONGEST_WAIT_S:
                    raise Retryable(
                        f"{self.platform} {endpoint}: {last}, asks to wait {wait:.0f} s; it is tried again at the next run"
                    )
                self._pause(attempt, wait)
                continue
            if answer.status_code in (401, 403):
                raise Terminal(
                    f"{self.platform} {endpoint}: {last}; the credentials of its connection are not accepted"
                )
            if answer.status_code in REFUSED:
                raise Refused(f"{self.platform} {endpoint}: {last}", answer.status_code, answer.text)
            raise Terminal(f"{self.platform} {endpoint}: {last}, which its documents do not name")
        raise Retryable(f"{self.platform} {endpoint}: {last} after {TRIES} tries; it is tried again at the next run")

    def _pause(self, attempt: int, asked_s: float | None) -> None:
        if attempt + 1 < TRIES:
            # Full jitter: clients that failed together do not come back together.
            self.clock.sleep(
                asked_s if asked_s is not None else random.uniform(0.5, 1.0) * min(2.0**attempt, LONGEST_WAIT_S)
            )


def _asked_to_wait_s(answer: httpx.Response) -> float | None:
    """Return the seconds that Retry-After asks for, as a number or a date."""
    said = answer.headers.get("Retry-After")
    if not said:
        return None
    try:
        return max(float(said), 0.0)
    except ValueError:
        pass
    try:
        return float(max((parsedate_to_datetime(said) - now()).total_seconds(), 0.0))
    except (TypeError, ValueError):
        return None
