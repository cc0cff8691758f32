#!/bin/sh
# Installs clamd and spamd from Debian's packages where they are missing and we may. Their own services stay down: the
# demo starts its own. Never fails: without scanners the demo runs and says what is not being scanned.
missing=""
command -v clamd >/dev/null 2>&1 || [ -x /usr/sbin/clamd ] || missing="$missing clamav-daemon"
command -v freshclam >/dev/null 2>&1 || missing="$missing clamav-freshclam"
command -v spamd >/dev/null 2>&1 || [ -x /usr/sbin/spamd ] || missing="$missing spamd spamassassin"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "not installed:$missing (as root on Debian or Ubuntu, make run installs them)"
  exit 0
fi
echo "installing$missing ..."
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
log=$(mktemp)
# shellcheck disable=SC2086 -- a list of package names
if apt-get update >"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >>"$log" 2>&1; then
  rm -f "$log"
else
  tail -n 5 "$log"
  echo "could not install$missing; apt's output is in $log"
fi
exit 0
