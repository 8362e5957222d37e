#!/bin/sh
# Every figure and printed table, from the tables alone.
set -eu
RESULTS="${RESULTS:-results}"
OUT="${OUT:-$RESULTS/figures}"
iram figures --results "$RESULTS" --out "$OUT" "$@"
