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
# Until the command itself says otherwise the exit code is 75: an empty or cut file would end with 0 or 1.
exec "$node" --eval "process.exitCode=75;import(require('node:url').pathToFileURL(process.argv[1])).catch(e=>{
  console.log('4.3.5 maildrop: '+String(e.message).replace(/\\s+/g,' '));process.exit(75)})" -- "$script" "$@"
