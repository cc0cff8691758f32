#!/bin/sh
# The quick tests on Node 24: the npm package brings the program and its headers, and re2 is compiled for it there.
# Everything lies under var/node24, a copy of the built checkout: a compiled addon fits one version of Node only.
set -eu
cd "$(dirname "$0")/.."
version=24.9.0
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "no Node package for $(uname -m)" >&2; exit 1 ;; esac
home=$PWD/var/node24
mkdir -p "$home/runtime" "$home/checkout"
if [ ! -x "$home/runtime/node_modules/node-linux-$arch/bin/node" ]; then
  echo '{"private":true}' >"$home/runtime/package.json"
  npm install --prefix "$home/runtime" --no-fund --no-audit "node-linux-$arch@$version" >&2
fi
runtime=$home/runtime/node_modules/node-linux-$arch
npm_command=$(readlink -f "$(command -v npm)")
cp package.json package-lock.json .npmrc "$home/checkout/"
if ! cmp -s package-lock.json "$home/installed-lock.json"; then
  (cd "$home/checkout" && PATH="$runtime/bin:$PATH" npm_config_nodedir="$runtime" node "$npm_command" ci --omit=dev --no-fund --no-audit) >&2
  cp package-lock.json "$home/installed-lock.json"
fi
# What the tests read beside the compiled code: cases, shipped rules, the native sources, docs.
rm -rf "$home/checkout/dist"
for name in dist test rules native docs mail mta filters mda signatures service admin bin maildroprc README.md tsconfig.json; do
  [ -e "$name" ] && rm -rf "$home/checkout/$name" && cp -R "$name" "$home/checkout/$name"
done
cd "$home/checkout"
exec "$runtime/bin/node" dist/test/run.js quick
