#!/bin/sh
# Runs an afterbuild command in a container. Which cluster is the right one is known only once it has been
# made: the step `prepare` writes it down, as an operator would write it into the configuration.
set -eu
known=/var/lib/afterbuild/system-identifier
if [ -z "${POSTGRES_SYSTEM_IDENTIFIER:-}" ] && [ -f "$known" ]; then
  POSTGRES_SYSTEM_IDENTIFIER="$(cat "$known")"
  export POSTGRES_SYSTEM_IDENTIFIER
fi
case "${1:-}" in
  prepare) exec node --enable-source-maps /app/dist/ops/docker/prepare.js ;;
  *) exec node --enable-source-maps --disable-warning=TimeoutNegativeWarning /app/dist/cli/main.js "$@" ;;
esac
