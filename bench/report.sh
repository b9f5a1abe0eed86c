#!/usr/bin/env bash
# report.sh OUT: makes OUT/bench.md and OUT/bench.json from OUT/runs.tsv, versions.tsv and about.tsv, as bench.sh wrote
# them. Medians, with the fastest and the slowest run; every ratio is of two medians of this one run.
set -euo pipefail
out=${1:?usage: report.sh OUT}

# Columns of runs.tsv: engine, corpus, files, round-trip time or "count", all|none, tool, and then
# seconds; or "left out" and why; or, for count, round trips and KiB.
awk -F '\t' -v OFS='\t' '
  $7 == "left out" { why[$1 OFS $2 OFS $3 OFS $4 OFS $5 OFS $6] = $8; next }
  $4 == "count" { print "count", $1, $2, $3, "-", $5, $6, $7, $8; next }
  { key = $1 OFS $2 OFS $3 OFS $4 OFS $5 OFS $6; n[key]++; all[key, n[key]] = $7 }
  END {
    for (key in n) {
      for (i = 1; i <= n[key]; i++) v[i] = all[key, i] + 0
      for (i = 2; i <= n[key]; i++) { x = v[i]; for (j = i - 1; j > 0 && v[j] > x; j--) v[j + 1] = v[j]; v[j + 1] = x }
      m = n[key] % 2 ? v[(n[key] + 1) / 2] : (v[n[key] / 2] + v[n[key] / 2 + 1]) / 2
      print "time", key, m, v[1], v[n[key]], n[key]
    }
    for (key in why) print "out", key, why[key]
  }' "$out/runs.tsv" | LC_ALL=C sort >"$out/medians.tsv"

# The tools that run each file in a transaction of its own and record it there; on MySQL and MariaDB, all
# migration tools there are.
AWK_LIBRARY='
  function keeps(tool) { return tool ~ /^(sqlx|refinery|dbmate|goose|diesel|flyway)$/ }
  function migrates(tool) { return keeps(tool) || tool == "migrate" }
  function show(s) { return s < 0.9995 ? sprintf("%.0f ms", s * 1000) : sprintf("%.2f s", s) }
  $1 == "time" { k = $2 "/" $3 "/" $5 "/" $6 "/" $7; median[k] = $8; low[k] = $9; high[k] = $10; rounds[k] = $11; seen[$2 "/" $3 "/" $5] = 1; files[$2 "/" $3] = $4 }
  $1 == "count" && $3 == "login" { login[$2] = $8; next }
  $1 == "count" { k = $2 "/" $3 "/" $6 "/" $7; trips[k] = $8; peak[k] = $9; files[$2 "/" $3] = $4 }
  $1 == "out" { k = $2 "/" $3 "/" $5 "/" $6 "/" $7; out[k] = $8; files[$2 "/" $3] = $4 }
'
NAMES='schemaward psql-1 psql client sqlx refinery dbmate goose migrate diesel flyway'

markdown() {
  awk -F '\t' '{ print "- " $1 ": " $2 }' "$out/about.tsv"
  awk -F '\t' '{ v[$1] = v[$1] (v[$1] == "" ? "" : "; ") ($2 == "server" ? "server " : "") $3 } END { for (e in v) print "- " e ": " v[e] }' "$out/versions.tsv" | sort
  awk -F '\t' -v names="$NAMES" "$AWK_LIBRARY"'
    function cell(set, ms, pending, tool,   k) {
      k = set "/" ms "/" pending "/" tool
      if (k in median) return show(median[k]) (rounds[k] > 1 ? " (" show(low[k]) "–" show(high[k]) ")" : " (once)")
      if (k in out) return "left out: " out[k]
      return "–"
    }
    END {
      count = split(names, name, " ")
      for (set in files) order[++sets] = set
      for (i = 2; i <= sets; i++) { x = order[i]; for (j = i - 1; j > 0 && (order[j] > x); j--) order[j + 1] = order[j]; order[j + 1] = x }
      for (s = 1; s <= sets; s++) {
        set = order[s]
        split(set, part, "/")
        if (part[2] ~ /^growth/) continue
        if (!shown[part[1]]++) printf "\n%s: to connect, log in and take leave needs %d round trips, which are counted below for every tool.\n", part[1], login[part[1]]
        times = 0
        for (k in seen) { split(k, p, "/"); if (p[1] "/" p[2] == set && p[3] != "-") { times++; ms[times] = p[3] + 0 } }
        for (i = 2; i <= times; i++) { x = ms[i]; for (j = i - 1; j > 0 && ms[j] > x; j--) ms[j + 1] = ms[j]; ms[j + 1] = x }
        split("all none", pendings, " ")
        for (q = 1; q <= 2; q++) {
          printf "\n### %s, %s files of %s, %s pending\n\n| tool |", part[1], files[set], part[2] == "real" ? "a real project" : "a generator", pendings[q] == "all" ? "everything" : "nothing"
          for (i = 1; i <= times; i++) printf " %s |", ms[i] ? ms[i] " ms further away" : "local"
          printf " round trips | memory |\n| --- |"
          for (i = 1; i <= times + 2; i++) printf " ---: |"
          print ""
          for (n = 1; n <= count; n++) {
            tool = name[n]
            if ((set "/-/-/" tool) in out) { if (q == 1) printf "| %s | left out: %s |\n", tool, out[set "/-/-/" tool]; continue }
            if (!((set "/" pendings[q] "/" tool) in trips)) continue
            printf "| %s |", tool
            for (i = 1; i <= times; i++) printf " %s |", cell(set, ms[i], pendings[q], tool)
            printf " %s | %.0f MB |\n", trips[set "/" pendings[q] "/" tool], peak[set "/" pendings[q] "/" tool] / 1024
          }
        }
      }
    }' "$out/medians.tsv"
  ratios
}

# What issue and design ask for, each against what this run has measured.
ratios() {
  awk -F '\t' -v names="$NAMES" "$AWK_LIBRARY"'
    function best(set, ms, pending, kind,   n, tool, k, found) {
      found = ""
      for (n = 1; n <= count; n++) {
        tool = name[n]; k = set "/" ms "/" pending "/" tool
        if ((kind == "keeps" ? keeps(tool) : migrates(tool)) && (k in median) && (found == "" || median[k] < median[set "/" ms "/" pending "/" found])) found = tool
      }
      return found
    }
    function row(what, set, ms, pending, other, goal,   a, b) {
      a = set "/" ms "/" pending "/schemaward"; b = set "/" ms "/" pending "/" other
      if (!(a in median) || !(b in median) || median[b] == 0) return
      printf "| %s, %s ms: %s | %s ÷ %s (%s) | %.2f | %s | %s |\n", set, ms, what, show(median[a]), show(median[b]), other, median[a] / median[b], goal == "" ? "–" : "≤ " goal, goal == "" ? "–" : (median[a] / median[b] <= goal ? "yes" : "**no**")
    }
    function amount(what, value, goal, unit) { printf "| %s | %s | %s | ≤ %s | %s |\n", what, unit, value, goal, (value + 0 <= goal ? "yes" : "**no**") }
    END {
      count = split(names, name, " ")
      print "\n### Ratios\n\n| what | medians | ratio | goal | reached |\n| --- | --- | ---: | ---: | --- |"
      for (set in files) order[++sets] = set
      for (i = 2; i <= sets; i++) { x = order[i]; for (j = i - 1; j > 0 && order[j] > x; j--) order[j + 1] = order[j]; order[j + 1] = x }
      for (s = 1; s <= sets; s++) {
        set = order[s]
        if (set ~ /growth/) continue
        pg = set ~ /^postgres/
        for (t = 1; t <= 3; t++) {
          ms = (t == 1 ? "0" : t == 2 ? "2" : "20")
          row("everything pending", set, ms, "all", "psql-1", pg ? (t == 1 ? 0.9 : t == 2 ? 0.2 : "") : "")
          row("everything pending", set, ms, "all", "client", "")
          row("everything pending, fastest tool with a transaction a file", set, ms, "all", best(set, ms, "all", "keeps"), pg && t == 1 ? 0.8 : "")
          row("nothing pending, fastest tool", set, ms, "none", best(set, ms, "none", "migrates"), 0.7)
        }
        if ((set "/none/schemaward") in trips) { split(set, p, "/"); amount(set ": round trips with nothing pending", trips[set "/none/schemaward"] - login[p[1]], 3, "besides the " login[p[1]] " of connecting, login and leave") }
        if (files[set] >= 5000 && (set "/all/schemaward") in peak) amount(set ": memory at " files[set] " files", sprintf("%.0f", peak[set "/all/schemaward"] / 1024), 64, "MB at most")
      }
      print "\n### Growth, everything pending, local\n\n| files | schemaward | a file | memory | psql-1 | a file |\n| ---: | ---: | ---: | ---: | ---: | ---: |"
      for (s = 1; s <= sets; s++) if (order[s] ~ /growth/) { split(order[s], p, "growth-"); size[++sizes] = p[2] + 0; of[p[2] + 0] = order[s] }
      for (i = 2; i <= sizes; i++) { x = size[i]; for (j = i - 1; j > 0 && size[j] > x; j--) size[j + 1] = size[j]; size[j + 1] = x }
      for (i = 1; i <= sizes; i++) {
        set = of[size[i]]; a = median[set "/0/all/schemaward"]; b = median[set "/0/all/psql-1"]
        printf "| %d | %s | %.3f ms | %.0f MB | %s | %.3f ms |\n", size[i], show(a), a * 1000 / size[i], peak[set "/all/schemaward"] / 1024, show(b), b * 1000 / size[i]
      }
    }' "$out/medians.tsv"
}

json() {
  awk -F '\t' '
    function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
    FILENAME ~ /about/ { about = about (about == "" ? "" : ", ") quoted($1) ": " quoted($2); next }
    FILENAME ~ /versions/ { versions = versions (versions == "" ? "" : ",\n    ") "{\"engine\": " quoted($1) ", \"tool\": " quoted($2) ", \"version\": " quoted($3) "}"; next }
    $1 == "time" { r = "{\"engine\": " quoted($2) ", \"corpus\": " quoted($3) ", \"files\": " $4 ", \"roundTripMs\": " $5 ", \"pending\": " quoted($6) ", \"tool\": " quoted($7) ", \"medianSeconds\": " $8 ", \"minSeconds\": " $9 ", \"maxSeconds\": " $10 ", \"runs\": " $11 "}" }
    $1 == "count" { r = "{\"engine\": " quoted($2) ", \"corpus\": " quoted($3) ", \"files\": " $4 ", \"pending\": " quoted($6) ", \"tool\": " quoted($7) ", \"roundTrips\": " $8 ", \"peakKiB\": " $9 "}" }
    $1 == "out" { r = "{\"engine\": " quoted($2) ", \"corpus\": " quoted($3) ", \"files\": " $4 ", \"roundTripMs\": " quoted($5) ", \"pending\": " quoted($6) ", \"tool\": " quoted($7) ", \"leftOut\": " quoted($8) "}" }
    { rows = rows (rows == "" ? "" : ",\n    ") r }
    END { printf "{\n  \"about\": {%s},\n  \"versions\": [\n    %s\n  ],\n  \"results\": [\n    %s\n  ]\n}\n", about, versions, rows }
  ' "$out/about.tsv" "$out/versions.tsv" "$out/medians.tsv"
}

markdown >"$out/bench.md"
json >"$out/bench.json"
