#!/bin/sh
# Starts the S3 server with its keys from files: in the environment of the container they would be
# shown by `docker inspect`.
set -eu
ROOT_ACCESS_KEY="$(cat /run/secrets/s3-access-key-id)"
ROOT_SECRET_KEY="$(cat /run/secrets/s3-secret-access-key)"
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
exec /usr/local/bin/versitygw --port :7070 --region us-east-1 --health /health posix /var/lib/objects
