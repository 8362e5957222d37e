#!/bin/sh
# How many faces of FER2013 and of FERPlus are copies of others.
# FERPlus's fer2013new.csv lies beside the CSV.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
FERPLUS="${FERPLUS:-ferplus:fer2013.csv.xz,fer2013new.csv}"
OUT="${OUT:-runs/copies}"
iram data "$DATA" --counts "$OUT/copies.csv"
iram data "$FERPLUS" --counts "$OUT/ferplus.csv"
