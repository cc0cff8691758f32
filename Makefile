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
	ln -sf ../dist/bin/mailweir.js $@

# Without a compiler the same command runs in Node: slower to start, the same behaviour.
bin/maildrop: native/maildrop.c dist/.built
	@rm -f $@
	@if command -v $(CC) >/dev/null 2>&1; then \
	  echo "$(CC) native/maildrop.c -o $@" && $(CC) -O2 -Wall -Wextra -Werror -DNODE='"$(NODE)"' native/maildrop.c -o $@; \
	else echo "no C compiler: $@ is the command in Node" && ln -sf ../dist/bin/maildrop.js $@; fi

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
