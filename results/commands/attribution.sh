#!/bin/sh
# Attention beside attribution methods and trivial maps, scored against exact Shapley values.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/attribution}"
iram attribute --data "$DATA" --models iram,none,cbam --random-labels iram-random-labels \
    --limit 500 --backend eager --out "$OUT" "$@"
