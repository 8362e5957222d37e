#!/bin/sh
# Readings of IRAM beside today's, on PublicTest: accuracy, by which one is chosen (docs/protocol.md), and how
# far the attention of each acts. One of them ships; GRID is the folder of `iram train --grid readings` for the others.
# What was trained without bf16, the gate after the addition, is measured without it too.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
GRID="${GRID:-runs/grid-readings}"
READING="${READING:-iram-free-seed0,$GRID/iram-factored-seed0.safetensors}"
PLACE="${PLACE:-$GRID/iram-block-seed0.safetensors}"
OUT="${OUT:-runs/readings}"
measure() {  # models, dtype, folder, more options
    models="$1" dtype="$2" out="$3"
    shift 3
    iram models --compare "$models" --data "$DATA" --split validation --reference iram --out "$out"
    iram shift --data "$DATA" --split validation --models "$models" --limit 200 --no-permuted \
        --batch-size 64 --dtype "$dtype" --backend folded --out "$out/shift" "$@"
}
measure "$READING,iram-seed0,cbam-seed0,none-seed0" bf16 "$OUT" "$@"
measure "$PLACE,iram-seed0,none-seed0" fp32 "$OUT/place" "$@"
