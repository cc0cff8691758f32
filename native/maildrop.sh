#!/bin/sh
# The maildrop command of a build without a C compiler: the same command in Node.
# What is missing must end with 75: the shell's own 126 and 127 would make Postfix bounce the mail.
node='@NODE@'
folder=$(readlink -f -- "$0") || folder=$0
script=${folder%/*}/../dist/bin/maildrop.js
if ! [ -x "$node" ] && ! node=$(command -v node); then
  echo '4.3.5 maildrop: Node is not installed'
  exit 75
fi
if ! [ -r "$script" ]; then
  echo "4.3.5 maildrop: there is no $script"
  exit 75
fi
exec "$node" "$script" "$@"
