"""How often and for how much customers will buy: models of buying "until one dies", fitted on order histories.

In: per customer the number of repeat purchases, the time from the first to the last one, and the time observed. Out: fitted
parameters, and expectations in closed form. Purchases of one day count as one. Time is in any unit, the same everywhere.

- BG/NBD, for customers free to come and go: Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science 24(2).
- Gamma-Gamma, for what a purchase is worth: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value".
- BG/BB, for chances that come at fixed times (a donation each year): Fader, Hardie and Shang (2010), Marketing Science 29(6).

Fits maximise the likelihood by L-BFGS-B over the logarithms of the parameters, all of which are positive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1, logsumexp

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

    def loss(logs: Vector) -> float:
        r, alpha, a, b = np.exp(logs)
        shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + t)
        leaves = np.where(
            x > 0, betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x), -np.inf
        )
        return -float((shared + np.logaddexp(stays, leaves)).sum())

    # Starting where the mean rate is that of the data spares a search over units.
    rate = max(float(x.sum() / t.sum()), 1e-9)
    (r, alpha, a, b), value = _fitted(loss, [np.log([0.5, 0.5 / rate, 0.7, 2.5]), np.log([1.0, 1.0 / rate, 1.0, 1.0])])
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

    def loss(logs: Vector) -> float:
        p, q, gamma = np.exp(logs)
        px = p * x
        told = (
            gammaln(px + q)
            - gammaln(px)
            - gammaln(q)
            + q * np.log(gamma)
            + (px - 1) * np.log(mean_value)
            + px * np.log(x)
        )
        return -float((told - (px + q) * np.log(gamma + mean_value * x)).sum())

    middle = float(mean_value.mean())
    (p, q, gamma), value = _fitted(loss, [np.log([5.0, 3.0, middle / 2]), np.log([1.0, 2.0, middle])])
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

    def loss(logs: Vector) -> float:
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


def _fitted(loss: Callable[[Vector], float], starts: list[Vector]) -> tuple[list[float], float]:
    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * len(starts[0])
    found = [minimize(loss, np.clip(s, *bounds[0]), method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 2000})
             for s in starts]  # fmt: skip
    best = min(found, key=lambda result: float(result.fun))
    return [float(v) for v in np.exp(best.x)], float(best.fun)
