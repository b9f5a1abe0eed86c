# What a developer and CI run. `make` lists the targets.
.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  %-18s %s\n", $$1, $$2}'

# ---- the first minute -----------------------------------------------------------------------

.PHONY: try demo
try: ## build the program and see it work on SQLite: three migrations, one with a mistake, its fix; installs nothing
	@scripts/try.sh
demo: ## the whole road in a real Kubernetes, to watch: cluster, migrations, a mistake, its fix
	@scripts/demo.sh

# ---- every day ------------------------------------------------------------------------------

# Tests that need no server: the unit tests, tests/quick, and of tests/engines those on SQLite, which is built in.
QUICK = cargo test --lib --bins --test quick && cargo test --test engines sqlite::
# Of those, what kills runs at each step: two thirds of the time of all. `make check` leaves it out.
SLOW = --skip a_run_that_is_killed_before_any_write --skip resumed_anywhere
# Those on servers; what is compared with the servers' own clients, too.
ENGINES = --test engines --test splitting --test kills --test bodies

.PHONY: check features mutants lint test test-unit test-engine test-postgres-versions test-kills campaign-bodies campaign-resume campaign-settings
check: ## formatting, clippy, the tests that need no server but for two slow ones: a minute after a change of a line
	cargo fmt --check
	cargo clippy --quiet --all-targets --all-features -- -D warnings
	cargo test --quiet --no-run --lib --bins --test quick --test engines
	cargo test --quiet --lib --bins --test quick
	cargo test --quiet --test engines sqlite:: -- $(SLOW)
features: ## the program with each of its features alone, and a command line without Kubernetes with its tests
	cargo clippy --quiet --no-default-features -- -D warnings
	cargo clippy --quiet --no-default-features --features operator -- -D warnings
	cargo clippy --quiet --no-default-features --features sqlite -- -D warnings
	cargo test --no-default-features --features sqlite --lib --bins --test quick
mutants: ## change the pure core in one place at a time and run its unit tests, over 1,000 times: hours; SAMPLE=1: ten
	@scripts/mutants.sh $(if $(SAMPLE),sample,measure)
lint: ## shell scripts, the chart, the licenses of dependencies
	@scripts/lint.sh
test: test-unit test-engine test-cluster ## all tests (root, Linux)
test-unit: ## tests that need no server
	$(QUICK)
test-engine: ## the engine against servers of its own: PostgreSQL (this machine's, 13, 18), MySQL, MariaDB; SQLite is in test-unit
	SCHEMAWARD_OLDER=$$(testbed/servers/older.sh) testbed/servers/servers.sh run mariadb mysql -- cargo test $(ENGINES) -- --skip sqlite:: --test-threads 4
	@$(MAKE) --no-print-directory test-postgres-versions
test-postgres-versions: ## the engine on the oldest and the newest PostgreSQL, but for what breaks a run at each of its messages
	testbed/servers/versions.sh 13 18 -- postgres:: --skip any_message --skip any_answer
test-kills: ## SIGKILL of runner, connection and server at every statement of a plan (half an hour; test-engine runs a sample)
	KILLS=all cargo test --test kills
campaign-bodies: ## 10,000 generated bodies an engine against the servers' own clients, see docs/campaigns.md
	BODIES=$${BODIES:-10000} cargo test --test bodies
campaign-resume: ## generated files, each interrupted behind each of its statements, see docs/campaigns.md
	export SCHEMAWARD_RESUME_FILES=$${FILES:-500} SCHEMAWARD_RESUME_SEED=$${SEED:-1}; \
	testbed/servers/servers.sh run postgres15 mysql mariadb -- cargo test --test engines resumed_anywhere -- --nocapture
campaign-settings: ## 2,000 generated files of settings, roles and locks against psql, see docs/campaigns.md
	SETTINGS_FILES=$${SETTINGS_FILES:-2000} cargo test --test engines settings:: -- --nocapture

# ---- generated files -----------------------------------------------------------------------

.PHONY: crds
crds: ## write the CRD anew from src/api
	@cargo build --quiet
	@mkdir -p crds charts/schemaward/files
	@for file in crds/schemaward.dev_schemamigrations.yaml charts/schemaward/files/crd.yaml; do \
	  "$${CARGO_TARGET_DIR:-target}/debug/schemaward" crd >"$$file.new" && mv "$$file.new" "$$file" || exit 1; \
	done

# ---- the test bed: a real cluster on this machine, see testbed/cluster/README.md ----------
# CLUSTER=existing uses the cluster of KUBECONFIG with the image IMAGE instead.

.PHONY: cluster-up cluster-down cluster-reload cluster-logs
cluster-up: ## start a Kubernetes cluster with PostgreSQL and the operator (root, Linux)
	@testbed/cluster/up.sh
cluster-down: ## end it and put the machine back
	@testbed/cluster/down.sh
cluster-reload: ## build the operator anew and roll it out in the cluster
	@testbed/cluster/operator.sh reload
cluster-logs: ## print the operator's logs and the end of the cluster's own
	@testbed/cluster/logs.sh

# ---- database servers for the engine's tests, see testbed/servers/README.md --------------------

.PHONY: servers
servers: ## install the database servers that the engine's tests run on
	@testbed/servers/servers.sh install

# ---- campaigns, see docs/campaigns.md -----------------------------------------------------------

.PHONY: campaign-noise campaign-upgrade
campaign-upgrade: ## a cluster that an earlier version made is taken over by this commit (FROM=COMMIT), see docs/upgrading.md
	@testbed/cluster/upgrade.sh $(FROM)
campaign-noise: cluster-up ## what N waiting resources cost others, on the cluster (an hour; NOISE=jobs, N="0 100" and others)
	@testbed/cluster/operator.sh reload
	@testbed/cluster/noise.sh $(N)

# ---- figures, see docs/benchmarks.md ---------------------------------------------------------

.PHONY: bench
bench: ## Schemaward and other migration tools, side by side (an hour; BENCH_CORPUS=git URL for real files)
	@bench/bench.sh

.PHONY: corpora
corpora: ## real projects' migrations against what the servers' own clients make of them, see docs/corpora.md
	@corpora/corpora.sh check

# ---- tests that need the test bed ------------------------------------------------------------

.PHONY: test-cluster
test-cluster: cluster-up ## end-to-end tests on the cluster; KEEP=1 keeps what a test made, TEST=name runs some
	@testbed/cluster/operator.sh reload
	@. .local/cluster.env && cargo test --features cluster-tests --test resources --test rights --test cluster -- --test-threads 4 $(TEST)
	@[ -n "$(TEST)" ] || { . .local/cluster.env && cargo test --features cluster-tests --test replicas && cargo test --features cluster-tests --test noise -- --nocapture --test-threads 1 && cargo test --features cluster-tests --test quiet -- --nocapture; }
