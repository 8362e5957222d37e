#!/bin/sh
# Every net of FER2013 and of rendered heads, and the tables that set them side by side.
# Without the long net of the grid "reference", which is left to a GPU.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RUNS="${RUNS:-runs}"
OUT="${OUT:-runs/training}"
iram train --data "$DATA" --grid study --out "$RUNS/grid-study"
iram train --data heads:n=6000 --grid heads --out "$RUNS/grid-heads"
iram train --data "$DATA" --grid reference --only "iram-wide*" --out "$RUNS/grid-reference"
iram models --ledger "$RUNS/grid-study,$RUNS/grid-heads,$RUNS/grid-reference" \
    --grid study,heads,reference --compare "$RUNS/grid-study,$RUNS/grid-reference" \
    --data "$DATA" --out "$OUT"
