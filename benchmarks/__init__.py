"""Side-by-side comparisons against peers; every program prints a table and runs as `python -m benchmarks.<name>`."""
