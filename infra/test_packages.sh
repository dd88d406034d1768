#!/bin/sh
# Install what requirements/apt-test.txt lists. Where that cannot be done, say which tests cannot run;
# under CI=true that is a failure.
set -eu

cd "$(dirname "$0")/.."
listed=$(sed -n 's/^\([a-z0-9.+-]\{1,\}\).*/\1/p' requirements/apt-test.txt)

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    # shellcheck disable=SC2086 # one word a package is meant
    exec infra/apt_install.sh $listed
fi

status=0
missing=
for package in $listed; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed && continue
    printf 'cannot run without %s\n' "$(grep "^$package " requirements/apt-test.txt | tr -s ' ')" >&2
    status=1
    missing="$missing $package"
done
[ $status = 0 ] || printf 'run as root: apt-get update && apt-get install -y %s\n' "$(echo $missing)" >&2
[ "${CI:-}" != true ] || exit $status
