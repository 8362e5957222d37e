#!/bin/sh
# A bank of maps and scores: every method on 200 rendered heads, four nets; about 20 minutes on two cores.
set -eu
OUT="${OUT:-runs/bank}"
BANK="${BANK:-$OUT/bank}"
iram attribute --data heads:n=200 --split all --models iram-heads,none-heads,cbam-heads,se-heads \
    --methods all --curves 32 --pairs 32 --sanity 8 --backend folded --workers 2 --bank "$BANK" --out "$OUT" "$@"
