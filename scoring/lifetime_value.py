"""How often and for how much customers will buy: models of buying "until one dies", fitted on order histories.

In: per customer the number of repeat purchases, the time from the first to the last one, and the time observed. Out: fitted
parameters, and expectations in closed form. Purchases of one day count as one. Time is in any unit, the same everywhere.

- BG/NBD, for customers free to come and go: Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science 24(2).
- Gamma-Gamma, for what a purchase is worth: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value".
- BG/BB, for chances that come at fixed times (a donation each year): Fader, Hardie and Shang (2010), Marketing Science 29(6).

Fits maximise the likelihood by L-BFGS-B over the logarithms of the parameters, all of which are positive. What depends on the number of
purchases alone is reckoned once per number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1, logsumexp

from warehouse.errors import CdpError

Vector = npt.NDArray[np.float64]

#: A parameter on such a bound says that the data lack what it stands for (nobody was seen to leave).
LOWEST, HIGHEST = 1e-4, 1e4


@dataclass(frozen=True)
class BgNbd:
    """Purchases come at a rate drawn from Gamma(r, alpha); after each a customer leaves with a chance drawn from Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = 0.0

    @property
    def found_no_leaving(self) -> bool:
        """Tell whether the fit saw nobody leave, so that `is alive` says nothing."""
        return self.a <= 2 * LOWEST or self.b >= HIGHEST / 2

    def expected_purchases(self, x: Vector, t_x: Vector, t: Vector, horizon: float | Vector) -> Vector:
        """Return the expected number of purchases within a horizon after the time observed (formula 10 of the paper).

        Args:
            x: repeat purchases.
            t_x: time from the first to the last purchase.
            t: time observed since the first purchase.
            horizon: how far ahead, in the same unit.
        """
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        z = horizon / (alpha + t + horizon)
        gauss = hyp2f1(r + x, b + x, a + b + x - 1, z)
        growth = (a + b + x - 1) / (a - 1) * (1 - ((alpha + t) / (alpha + t + horizon)) ** (r + x) * gauss)
        return np.asarray(growth * self.alive(x, t_x, t), dtype=np.float64)

    def alive(self, x: Vector, t_x: Vector, t: Vector) -> Vector:
        """Return the chance that a customer has not left; one who never came back cannot have."""
        left = np.log(self.a / (self.b + np.maximum(x, 1) - 1)) + (self.r + x) * np.log(
            (self.alpha + t) / (self.alpha + t_x)
        )
        return np.where(x > 0, 1 / (1 + np.exp(np.minimum(left, 700))), 1.0)


def fit_bg_nbd(x: Vector, t_x: Vector, t: Vector) -> BgNbd:
    """Fit BG/NBD; arguments as for :meth:`BgNbd.expected_purchases`, each (customers,).

    Raises:
        CdpError: fewer than ten customers came back, or times contradict each other.
    """
    if (x > 0).sum() < 10:
        raise CdpError("fewer than ten customers bought again; there is nothing to learn from")
    if (t_x > t + 1e-9).any() or (t_x < 0).any():
        raise CdpError("a last purchase lies outside of the time observed")

    counts, at = np.unique(x, return_inverse=True)
    often = np.maximum(counts, 1)
    came_back, per_count = x > 0, np.bincount(at).astype(np.float64)

    def loss(logs: Vector) -> tuple[float, Vector]:
        r, alpha, a, b = np.exp(logs)
        log_t, log_t_x = np.log(alpha + t), np.log(alpha + t_x)
        stays = (betaln(a, b + counts) - betaln(a, b))[at] - (r + x) * log_t
        leaves = (betaln(a + 1, b + often - 1) - betaln(a, b))[at] - (r + x) * log_t_x
        leaves = np.where(came_back, leaves, -np.inf)
        shared = gammaln(r + counts) - gammaln(r) + r * np.log(alpha)
        told = float(per_count @ shared) + float(np.logaddexp(stays, leaves).sum())
        # Of the two ways to what was seen, the share of the one in which a customer has left.
        gone = expit(leaves - stays)
        gone_per_count = np.bincount(at, gone)
        still_per_count = per_count - gone_per_count
        both = digamma(a + b + counts)
        by_r = per_count @ (digamma(r + counts) - digamma(r) + np.log(alpha)) - ((1 - gone) @ log_t + gone @ log_t_x)
        by_alpha = len(x) * r / alpha - (r + x) @ ((1 - gone) / (alpha + t) + gone / (alpha + t_x))
        by_a = still_per_count @ (digamma(a) - both) + gone_per_count @ (digamma(a + 1) - both)
        by_b = still_per_count @ (digamma(b + counts) - both) + gone_per_count @ (digamma(b + often - 1) - both)
        by_a -= len(x) * (digamma(a) - digamma(a + b))
        by_b -= len(x) * (digamma(b) - digamma(a + b))
        return -told, -np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])

    # Starting where the mean rate is that of the data spares a search over units.
    rate = max(float(x.sum() / t.sum()), 1e-9)
    (r, alpha, a, b), value = _fitted(
        loss, [np.log([0.5, 0.5 / rate, 0.7, 2.5]), np.log([1.0, 1.0 / rate, 1.0, 1.0])], True
    )
    return BgNbd(r, alpha, a, b, -value)


@dataclass(frozen=True)
class GammaGamma:
    """What a customer's purchases are worth varies around a mean of one's own; means vary between customers."""

    p: float
    q: float
    gamma: float
    log_likelihood: float = 0.0

    def expected_value(self, x: Vector, mean_value: Vector) -> Vector:
        """Return what a customer's next purchase is expected to be worth, in the currency of `mean_value` (formula 5).

        Args:
            x: purchases that the mean is of; with none, the mean of all customers is returned.
            mean_value: their mean.
        """
        everybody = self.p * self.gamma / (self.q - 1)
        own = self.p * x / (self.p * x + self.q - 1)
        return np.where(x > 0, own * mean_value + (1 - own) * everybody, everybody)


def fit_gamma_gamma(x: Vector, mean_value: Vector) -> GammaGamma:
    """Fit Gamma-Gamma on customers with at least one purchase of positive mean value, each (customers,).

    The model takes for granted that how often somebody buys says nothing of how much: look at their correlation.

    Raises:
        CdpError: there are fewer than ten, or a value is not positive.
    """
    if len(x) < 10:
        raise CdpError("fewer than ten customers bought again; there is nothing to learn from")
    if (x <= 0).any() or (mean_value <= 0).any():
        raise CdpError("Gamma-Gamma is for purchases of positive value")

    counts, at = np.unique(x, return_inverse=True)
    total, per_count = mean_value * x, np.bincount(at).astype(np.float64)
    log_means, log_x = np.log(mean_value), np.log(x)

    def loss(logs: Vector) -> tuple[float, Vector]:
        p, q, gamma = np.exp(logs)
        px, log_all = p * counts, np.log(gamma + total)
        shared = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma)
        told = per_count @ shared + (p * x - 1) @ log_means + (p * x) @ log_x - (p * x + q) @ log_all
        together = digamma(px + q)
        by_p = (per_count * counts) @ (together - digamma(px)) + x @ (log_means + log_x - log_all)
        by_q = per_count @ (together - digamma(q) + np.log(gamma)) - log_all.sum()
        by_gamma = len(x) * q / gamma - ((p * x + q) / (gamma + total)).sum()
        return -float(told), -np.array([by_p * p, by_q * q, by_gamma * gamma])

    middle = float(mean_value.mean())
    (p, q, gamma), value = _fitted(loss, [np.log([5.0, 3.0, middle / 2]), np.log([1.0, 2.0, middle])], True)
    return GammaGamma(p, q, gamma, -value)


@dataclass(frozen=True)
class BgBb:
    """At each of n occasions a customer buys with a chance from Beta(alpha, beta), and leaves before it with one from Beta(gamma, delta)."""

    alpha: float
    beta: float
    gamma: float
    delta: float
    log_likelihood: float = 0.0

    def expected_purchases(self, x: Vector, t_x: Vector, n: Vector, occasions: int) -> Vector:
        """Return the expected number of purchases at so many occasions after the n observed (formula 13 of the paper)."""
        a, b, g, d = self.alpha, self.beta, self.gamma, self.delta
        seen = _bg_bb_likelihood(a, b, g, d, x, t_x, n)
        buys = betaln(a + x + 1, b + n - x) - betaln(a, b)
        scale = d / (g - 1) * np.exp(gammaln(g + d) - gammaln(1 + d))
        left = np.exp(gammaln(1 + d + n) - gammaln(g + d + n)) - np.exp(
            gammaln(1 + d + n + occasions) - gammaln(g + d + n + occasions)
        )
        return np.asarray(np.exp(buys - seen) * scale * left, dtype=np.float64)


def fit_bg_bb(x: Vector, t_x: Vector, n: Vector, customers: Vector) -> BgBb:
    """Fit BG/BB on how many customers bought x times, the last at occasion t_x, of n; each (rows,).

    Raises:
        CdpError: a last purchase lies after the last occasion.
    """
    if (t_x > n).any() or (x > t_x).any():
        raise CdpError("more purchases than occasions")

    def loss(logs: Vector) -> float:  # few rows: its slope is told by differences
        a, b, g, d = (float(v) for v in np.exp(logs))
        return -float((customers * _bg_bb_likelihood(a, b, g, d, x, t_x, n)).sum())

    (alpha, beta, gamma, delta), value = _fitted(loss, [np.log([1.0, 1.0, 1.0, 2.0]), np.log([1.0, 0.5, 0.5, 3.0])])
    return BgBb(alpha, beta, gamma, delta, -value)


def _bg_bb_likelihood(a: float, b: float, g: float, d: float, x: Vector, t_x: Vector, n: Vector) -> Vector:
    """Return log L(x, t_x, n), (rows,): still there after n, or gone after some occasion since the last purchase."""
    stays = betaln(a + x, b + n - x) - betaln(a, b) + betaln(g, d + n) - betaln(g, d)
    terms = [stays]
    for after in range(int((n - t_x).max())):
        gone = betaln(a + x, b + t_x - x + after) - betaln(a, b) + betaln(g + 1, d + t_x + after) - betaln(g, d)
        terms.append(np.where(t_x + after < n, gone, -np.inf))
    return np.asarray(logsumexp(np.stack(terms), axis=0), dtype=np.float64)


def _fitted(
    loss: Callable[[Vector], float] | Callable[[Vector], tuple[float, Vector]],
    starts: list[Vector],
    has_slope: bool = False,
) -> tuple[list[float], float]:
    # Loaded where something is fitted: it takes four tenths of a second, which the daily scores do not need.
    from scipy.optimize import minimize

    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * len(starts[0])
    options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 2000}
    found = [
        minimize(loss, np.clip(start, *bounds[0]), jac=has_slope, method="L-BFGS-B", bounds=bounds, options=options)
        for start in starts
    ]
    best = min(found, key=lambda result: float(result.fun))
    return [float(v) for v in np.exp(best.x)], float(best.fun)
