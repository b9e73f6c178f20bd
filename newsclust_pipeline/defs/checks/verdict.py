"""The result of a check, as the log and the UI show it."""

import dagster as dg

from newsclust_pipeline.defs.console import last_word


def verdict(
    context: dg.AssetCheckExecutionContext,
    passed: bool,
    complaint: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    check_name: str | None = None,
    **metadata: float,
) -> dg.AssetCheckResult:
    """Give the result; say what is wrong in the log, too, as Dagster's own line doesn't."""
    if not passed and severity == dg.AssetCheckSeverity.WARN:
        context.log.warning(complaint)
    elif not passed:
        context.log.error(complaint)
        last_word(complaint)
    return dg.AssetCheckResult(
        check_name=check_name,
        passed=passed,
        severity=severity,
        description=None if passed else complaint,
        metadata=metadata,
    )
