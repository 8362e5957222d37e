#!/bin/sh
# How often each verdict is right, on planted nets whose truth is known.
set -eu
OUT="${OUT:-runs/calibration}"
iram calibrate --out "$OUT" "$@"
