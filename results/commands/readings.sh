#!/bin/sh
# Readings of IRAM beside today's, on PublicTest: accuracy, by which one is chosen (docs/protocol.md), and how
# far the attention of each acts. WEIGHTS is what `iram train --grid readings` made, or what of it ships.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
WEIGHTS="${WEIGHTS:-results/readings/weights}"
OUT="${OUT:-runs/readings}"
models=$(for weights in "$WEIGHTS"/*.safetensors; do printf '%s,' "$weights"; done)
iram models --compare "${models}iram-seed0,cbam-seed0,none-seed0" --data "$DATA" --split validation \
    --reference iram --out "$OUT"
iram shift --data "$DATA" --split validation --models "${models}iram-seed0,cbam-seed0,none-seed0" --limit 200 \
    --no-permuted --batch-size 64 --dtype bf16 --backend folded --out "$OUT/shift" "$@"
