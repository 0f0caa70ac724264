# The front door. Every task is Rust, in xtask/; here are only their names.
# Arguments: make test T=cgi MPM=event, make dev GUEST=path.wasm, make serve PORT=8081.

# The first build of the task runner takes a minute without a word from cargo.
XTASK = test -x target/release/xtask || echo "Building the task runner, once."; cargo xtask

.DEFAULT_GOAL := help
.PHONY: help setup build serve dev test check bench docs bless install uninstall clean

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install whatever the tasks below need, or say what to type
	@$(XTASK) setup

build: ## both libraries and the helper, side by side in dist/
	@$(XTASK) build

serve: ## httpd with all examples on 127.0.0.1:8080 until Ctrl-C (PORT= for another)
	@$(XTASK) serve

dev: ## the same with your program at /guest and debug messages (GUEST=path.wasm)
	@$(XTASK) dev

test: ## all tests, or a part (T=name) under one MPM (MPM=event, worker or prefork) or each (MPM=all)
	@$(XTASK) test

check: ## format, clippy, links, licences, generated files, rustdoc (T=name for a part)
	@$(XTASK) check

bench: ## requests per second beside a C handler and mod_cgid (ROUNDS= SECONDS=)
	@$(XTASK) bench

docs: ## the documentation of the crates, in target/doc
	@$(XTASK) docs

bless: ## write the generated files anew: wasm_runtime.h, docs/, tables of the README
	@$(XTASK) bless

# Under sudo cargo is often out of reach: take the tool that built the libraries.
INSTALLER = $(if $(shell command -v cargo),$(XTASK),target/release/xtask)

install: ## libraries and helper, wasm.load and wasm.conf where httpd looks (DESTDIR=)
	@$(INSTALLER) install

uninstall: ## remove exactly what install put there (DESTDIR=)
	@$(INSTALLER) uninstall

clean: ## remove everything that was built
	rm -rf target dist
