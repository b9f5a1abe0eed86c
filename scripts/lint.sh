#!/usr/bin/env bash
# What neither the compiler nor clippy sees: shell scripts, the chart, dependencies' licenses.
# Installs what it needs (shellcheck from Debian, cargo-deny from source, helm) and leaves out nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=
run() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@"; then echo "ok: $what"; else echo "not ok: $what" >&2; failed=yes; fi
}

scripts=()
while IFS= read -r file; do
  if head -n1 "$file" | grep -qE '^#!.*\b(ba)?sh\b|shellcheck shell='; then scripts+=("$file"); fi
done < <(git ls-files --cached --others --exclude-standard | grep -vE '\.(rs|sql|md|yaml|json|lock|toml|go|sum|mod)$')
syntax() { for script in "${scripts[@]}"; do bash -n "$script" || return 1; done; }
run "the syntax of ${#scripts[@]} shell scripts" syntax
command -v shellcheck >/dev/null || testbed/cluster/packages.sh shellcheck
run "shellcheck" shellcheck -x -P SCRIPTDIR -S warning -e SC1090,SC2034 "${scripts[@]}"

[ -x .local/bin/helm ] || testbed/cluster/binaries.sh helm
chart() { .local/bin/helm lint --strict --quiet charts/schemaward --set image.repository=example/schemaward "$@"; }
rendered() { .local/bin/helm template schemaward charts/schemaward --set image.repository=example/schemaward "$@"; }
refused() { # WORD ARGUMENT...: helm must refuse these values, with a message that holds the word
  local word=$1 said
  shift
  if said=$(rendered "$@" 2>&1); then echo "accepted: $*" >&2; return 1; fi
  grep -qF -- "$word" <<<"$said" || { echo "$* gives: $said" >&2; return 1; }
}
kept() { rendered | grep -q 'helm.sh/resource-policy: keep' && ! rendered --set crds.install=false | grep -q CustomResourceDefinition; }
run "helm lint" chart
run "helm lint, several replicas in some namespaces" chart --set replicas=2 --set 'watchNamespaces={shop,billing}'
run "the chart keeps the CRD on uninstall, and leaves it out when told to" kept
run "the chart asks for an image" refused "image.repository is empty" --set image.repository=
run "the chart refuses a value it does not know" refused "'replica' not allowed" --set replica=2
run "the chart refuses a value of another type" refused "/replicas" --set replicas=two

# No advisories: they come from a database on the network, and a new one must not turn an old commit red.
deny() { PATH=$(scripts/cargo-tool.sh cargo-deny):$PATH cargo deny --locked --log-level error check bans licenses sources; }
run "cargo deny" deny
[ -z "$failed" ]
