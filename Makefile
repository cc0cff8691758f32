# make run    everything from a fresh checkout to a running demo, under ./var
# make test   every test, real servers included (installs them from Debian's packages; needs root)
# make bench  the benchmarks against the peers, as ratios in one run
# make check  types, lint, format; nothing is executed
# make clean  removes what was built and ./var

NODE ?= $(shell command -v node)
CC ?= cc
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: build run test quick bench check clean

build: node_modules/.installed dist/.built bin/mailweir bin/maildrop

node_modules/.installed: package.json package-lock.json
	npm ci --no-fund --no-audit
	@touch $@

SOURCES := $(shell find mail mta filters rules mda signatures service admin bin demo bench test -name '*.ts' 2>/dev/null)

dist/.built: node_modules/.installed tsconfig.json $(SOURCES)
	tsc -p tsconfig.json
	@touch $@

bin/mailweir: dist/.built
	@chmod +x dist/bin/*.js
	ln -sf ../dist/bin/mailweir.js $@ && touch dist/bin/mailweir.js

# Linked statically it starts a quarter sooner, where there is a libc.a. Without a compiler the same command runs in
# Node: slower to start, the same behaviour. Put in place by a rename, because the MTA may be running it.
VERSION = $(shell sed -n 's/^ *"version": "\(.*\)".*/\1/p' package.json)
MAILDROP_CFLAGS = -std=c11 -O2 -Wall -Wextra -Werror -DNODE='"$(NODE)"' -DVERSION='"$(VERSION)"'

bin/maildrop: native/maildrop.c native/maildrop.sh package.json dist/.built
	@if ! command -v $(CC) >/dev/null 2>&1; then \
	  echo "no C compiler: $@ is the command in Node"; \
	  sed 's|@NODE@|$(NODE)|' native/maildrop.sh >$@.new && chmod 755 $@.new; \
	elif $(CC) $(MAILDROP_CFLAGS) -static native/maildrop.c -o $@.new 2>/dev/null; then \
	  echo "$(CC) -static native/maildrop.c -o $@"; \
	else \
	  echo "$(CC) native/maildrop.c -o $@"; \
	  $(CC) $(MAILDROP_CFLAGS) native/maildrop.c -o $@.new; \
	fi
	@mv -f $@.new $@

run: build
	@$(NODE) dist/demo/run.js

test: build
	@test/install-packages.sh
	@$(NODE) dist/test/run.js all

quick: build
	@$(NODE) dist/test/run.js quick

bench: build
	@test/install-packages.sh
	@$(NODE) dist/bench/run.js

check: node_modules/.installed
	tsc -p tsconfig.json --noEmit
	eslint .
	prettier --check .

clean:
	rm -rf dist var bin/mailweir bin/maildrop
