#!/bin/sh
# One rendered head before and after a surgical mask, with maps of both.
set -eu
OUT="${OUT:-runs/example}"
iram example --face 3 --out "$OUT" "$@"
