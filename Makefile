# Peerline. `make run` starts the server with the web app; `make test` checks everything.

CARGO ?= cargo
NPM = npm --no-audit --no-fund --loglevel=error
ARGS ?=

.PHONY: help run build web test check test-rust test-web test-interop interop programs nat-programs nat nat-full nat-changes deny fuzz soak soak-call tour bench-turn bench-signaling bench-data bench-distance bench-files clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

run: build ## build everything and start the server (ARGS="--lan" and so on are passed on)
	./target/release/peerline serve $(ARGS)

build: web ## the release binary, with the web app inside
	$(CARGO) build --release --locked -p peerline-cli

# npm ci only when the lock file is newer than what it installed: a second run costs nothing.
web/node_modules/.installed: web/package-lock.json
	cd web && $(NPM) ci
	touch $@

interop/node_modules/.installed: interop/package-lock.json
	cd interop && $(NPM) ci
	touch $@

interop/peers/aiortc/.environment/.installed: interop/peers/aiortc/requirements.txt | programs
	python3 -m venv interop/peers/aiortc/.environment
	interop/peers/aiortc/.environment/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Debian's Pion lies in a GOPATH of its own.
interop/peers/pion/.build/peer: interop/peers/pion/main.go | programs
	cd interop/peers/pion && GO111MODULE=off GOPATH=/usr/share/gocode go build -o .build/peer .

web: web/node_modules/.installed ## the browser SDK and the web app
	cd web && $(NPM) run build

test: check test-rust test-web test-interop nat ## everything that CI checks
	@echo "make test: everything passed"

check: web ## formatting, lints, types
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	cd web && $(NPM) run check

test-rust: web ## unit, property and protocol tests
	scripts/test-rust

test-web: web/node_modules/.installed ## unit tests of the SDK and the app
	cd web && $(NPM) test

programs:
	scripts/require-programs native

# What our native peer meets: browsers, aiortc, werift and Pion.
PEERS = programs interop/node_modules/.installed interop/peers/aiortc/.environment/.installed interop/peers/pion/.build/peer

test-interop: web $(PEERS) ## real browsers, other implementations, abuse
	$(CARGO) build --locked -p peerline-cli
	$(CARGO) build --locked -p peerline --example interop_peer
	cd interop && $(NPM) test

interop: $(PEERS) ## our native peer with Chromium, Firefox, aiortc, werift and Pion, 64 MiB each way: a table
	$(CARGO) build --locked -p peerline-cli
	$(CARGO) build --locked -p peerline --example interop_peer
	cd interop && INTEROP_FULL=1 $(NPM) run native

nat-programs: web interop/node_modules/.installed
	scripts/require-programs nat
	$(CARGO) build --locked -p peerline-cli -p nat-laboratory
	$(CARGO) build --locked -p peerline --example interop_peer

nat: nat-programs ## through NATs and firewalls: the laboratory, and pairs that stand for all
	cd interop && $(NPM) run nat

nat-full: nat-programs ## every pair of NATs and firewalls with every pair of peers: writes docs/nat-matrix.md
	cd interop && $(NPM) run nat-full

nat-changes: nat-programs ## how long two programs hear nothing of each other when a network changes: a table
	cd interop && $(NPM) run nat-changes

deny: ## dependencies: licences, bans, sources
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked
	$(CARGO) deny --locked check licenses bans sources

fuzz: ## each fuzz target for SECONDS_EACH (default 300) seconds
	scripts/fuzz

soak: ## the simulations on and on in release mode, or for SECONDS or SEEDS
	scripts/soak

tour: web/node_modules/.installed interop/node_modules/.installed ## the pictures of docs/tour.md
	node interop/tour.mjs

soak-call: build interop/node_modules/.installed ## eight people in a call for SECONDS (default 600), one after the other leaving and coming back
	PEERLINE=target/release/peerline node interop/soak/eight.mjs

bench-turn: build ## the relay beside coturn: CPU per packet, CPU per allocation
	scripts/require-programs
	$(CARGO) run --release --locked --manifest-path bench/Cargo.toml -p bench-turn -- --peerline target/release/peerline $(ARGS)

bench-signaling: build ## idle clients' memory, messages' latency
	$(CARGO) run --release --locked --manifest-path bench/Cargo.toml -p bench-signaling -- --peerline target/release/peerline $(ARGS)

bench-data: ## data channels beside str0m, webrtc-rs and libdatachannel
	bench/data/run $(ARGS)

bench-distance: ## a data channel beside TCP CUBIC over a long link with loss (as root)
	$(CARGO) run --release --locked --manifest-path bench/Cargo.toml -p bench-distance -- $(ARGS)

bench-files: build interop/node_modules/.installed ## files between two browsers beside one acknowledgement for each 64 KiB, and the chat meanwhile
	PEERLINE=target/release/peerline node bench/files/run.mjs $(ARGS)

clean: ## remove what the build made
	$(CARGO) clean
	rm -rf web/node_modules web/*/dist interop/node_modules interop/peers/aiortc/.environment interop/peers/pion/.build
