"""Speed and memory against peers: `make bench` writes docs/benchmarks.md."""
