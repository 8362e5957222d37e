#!/bin/sh
# The search for less time for the same accuracy, on the net without attention, beside the study's seeds 0 to 2.
# ONLY is what of the grid docs/protocol.md asks for: all first seeds, and two more of what was chosen and of Muon over
# 28 epochs.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RUNS="${RUNS:-runs}"
STUDY="${STUDY:-results/training/ledger.csv}"
OUT="${OUT:-runs/training/speed}"
ONLY="${ONLY:-*-seed0,none-muon-augment-less-seed[12],none-muon-28-seed[12]}"
iram train --data "$DATA" --grid speed --only "$ONLY" --out "$RUNS/grid-speed"
iram models --ledger "$RUNS/grid-speed" --grid speed --out "$OUT"
iram models --means "$OUT/ledger.csv,$STUDY" --reference none --out "$OUT"
