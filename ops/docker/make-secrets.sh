#!/bin/sh
# Makes the passwords of docker-compose.yml, those that are missing, each in a file of its own. The folder
# is closed to others; the files are not, since the containers run as different users.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
for name in postgres-superuser postgres-gitlab postgres-cdc postgres-reader postgres-deleter \
  postgres-archiver redis s3-access-key-id s3-secret-access-key; do
  [ -s "secrets/$name" ] || head -c 20 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"secrets/$name"
done
[ -s secrets/cdc.properties ] ||
  printf 'password=%s\n' "$(cat secrets/postgres-cdc)" >secrets/cdc.properties
chmod 444 secrets/*
