"""Checks: functions of an asset's value and its inputs, evaluated before the value is written."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.defs.settings import name_settings


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    Attributes:
        passed: whether the value is as it should be.
        complaint: what is wrong and what to do next, shown if the check fails.
        metadata: the figures that the UI shows.
    """

    passed: bool
    complaint: str
    metadata: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """A check of an asset.

    A blocking check that fails stops the run before the asset's value is written.

    Attributes:
        asset: name of the asset.
        evaluate: the check itself. Its parameters are any of: the asset's value and its inputs, by
            name of the asset; `config`; resources; `figures` (what the UI will show of the value);
            `tables` (all of them that are tables); `context`.
        blocking: whether a failure stops the run. If not, it is a warning.
    """

    asset: str
    evaluate: Callable[..., Verdict]
    blocking: bool

    @property
    def name(self) -> str:
        """The name that the UI shows."""
        return self.evaluate.__name__

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """ERROR if it blocks, else WARN."""
        return dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN

    def spec(self) -> dg.AssetCheckSpec:
        """Return the specification for Dagster."""
        return dg.AssetCheckSpec(
            self.name,
            asset=self.asset,
            description=inspect.getdoc(self.evaluate),
            blocking=self.blocking,
        )

    def verdict(self, arguments: Mapping[str, Any]) -> Verdict:
        """Evaluate the check with those of the arguments that it takes."""
        names = inspect.signature(self.evaluate).parameters
        verdict = self.evaluate(**{name: arguments[name] for name in names})
        return replace(verdict, complaint=name_settings(verdict.complaint))

    def result(self, verdict: Verdict) -> dg.AssetCheckResult:
        """Return a verdict as Dagster records it."""
        return dg.AssetCheckResult(
            asset_key=asset_key(self.asset),
            check_name=self.name,
            passed=verdict.passed,
            severity=self.severity,
            description=None if verdict.passed else verdict.complaint,
            metadata=verdict.metadata,
        )


def check(asset: str, *, blocking: bool = False) -> Callable[[Callable[..., Verdict]], Check]:
    """Make a check of a function; see `Check`."""
    return lambda function: Check(asset, function, blocking)
