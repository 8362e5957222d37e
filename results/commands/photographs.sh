#!/bin/sh
# How well faces in photographs are found. PHOTOGRAPHS: a folder with the pictures that
# tests/benchmarks/bench_faces.py names, of npm's @vladmandic/face-api and PyPI's insightface.
set -eu
cd "$(dirname "$0")/../.."
python tests/benchmarks/bench_faces.py "${CSV:?fer2013.csv}" 200 "${PHOTOGRAPHS:?a folder}"
