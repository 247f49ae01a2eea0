#!/bin/sh
# Starts Redis with its password from a file; as an argument everyone who may list processes would see it.
set -eu
umask 077
{
  cat /etc/afterbuild/redis.conf
  printf 'requirepass %s\n' "$(cat /run/secrets/redis)"
} >/tmp/redis.conf
exec redis-server /tmp/redis.conf
