#!/bin/sh
# Dagster's settings are those of the package unless the volume has its own. Where DAGSTER_HOME is
# another folder, as in Dagster's Helm chart, they come from there.
set -eu
if [ "$DAGSTER_HOME" = /dagster ] && [ ! -e /dagster/dagster.yaml ]; then
  cp /opt/newsclust/dagster.yaml /dagster/dagster.yaml || {
    echo "User id $(id -u) can't write to /dagster. Give the volume to that user," \
      "or start the container as its owner (--user)." >&2
    exit 1
  }
fi
exec "$@"
