"""Computing everything anew from the input topics: planned, shown, and then done step by step."""
