#!/bin/sh
# Installs the real servers that the tests run against, from Debian's packages. Starts none of them: each test starts
# its own, on ports and in folders of its own. Needs root only when something is missing.
set -eu
packages="clamav-daemon clamav-freshclam spamassassin spamd postfix maildrop dovecot-core dovecot-lmtpd dovecot-sieve swaks gcc libc6-dev util-linux"
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "these packages are missing, and installing them needs root:$missing" >&2; exit 1; }
echo "installing$missing"
# The packages' own services stay down: policy-rc.d is how Debian asks for that.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
log=$(mktemp)
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "installing the packages failed; the whole output is in $log" >&2
  exit 1
fi
rm -f "$log"
