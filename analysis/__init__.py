"""The study: occlusion and pose benchmarks, attribution, and whether attention moves."""
