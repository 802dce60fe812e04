#!/usr/bin/env bash
# Install PostgreSQL from Debian's packages where it is missing and may be installed; the history's tests skip without it.
# Only its programs are wanted: the tests start a server of their own.
set -u
for found in /usr/lib/postgresql/*/bin/initdb; do
  [ -x "$found" ] && exit 0
done
command -v initdb >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
fi
exit 0
