"""What a change costs beside the work that cannot be avoided, as ratios and differences taken in one run: RESULTS.md."""
