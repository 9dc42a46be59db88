"""The oracle's own figures, each worked out by hand."""
