#!/bin/sh
# Readings of IRAM beside today's, on PublicTest: accuracy, by which one is chosen (docs/protocol.md), and how
# far the attention of each acts. One of them ships; GRID is the folder of `iram train --grid readings` for the other.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
GRID="${GRID:-runs/grid-readings}"
READING="${READING:-iram-free-seed0,$GRID/iram-factored-seed0.safetensors}"
OUT="${OUT:-runs/readings}"
iram models --compare "$READING,iram-seed0,cbam-seed0,none-seed0" --data "$DATA" --split validation \
    --reference iram --out "$OUT"
iram shift --data "$DATA" --split validation --models "$READING,iram-seed0,cbam-seed0,none-seed0" --limit 200 \
    --no-permuted --batch-size 64 --dtype bf16 --backend folded --out "$OUT/shift" "$@"
