#!/bin/sh
# The nets of FERPlus's eight classes: by the label with most votes, and by the majority.
set -eu
DATA="${DATA:-ferplus:fer2013.csv.xz,fer2013new.csv}"
RUNS="${RUNS:-runs}"
OUT="${OUT:-runs/training/ferplus}"
grid="$RUNS/grid-ferplus"
iram train --data "$DATA" --grid ferplus --out "$grid"
iram models --ledger "$grid" --grid ferplus --compare "$grid" --data "$DATA" --out "$OUT"
iram models --compare "$grid" --data "$DATA,rule=majority" --out "$OUT/majority"
