#!/bin/sh
# The search for a recipe, on the net without attention, chosen on PublicTest.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RUNS="${RUNS:-runs}"
OUT="${OUT:-runs/training/recipe}"
iram train --data "$DATA" --grid recipe --out "$RUNS/grid-recipe"
iram models --ledger "$RUNS/grid-recipe" --grid recipe --out "$OUT"
