"""The expected rows of every view, worked out a second time from the input lines.

The oracle is written from the contract alone, in the plainest way: it holds all of the input in memory, sorts each
customer's touchpoints once, and keeps no state between runs. It shares no code with what it checks, and keeps its
own lists of kinds, actions and metrics on purpose: a mistake in a declaration of the project must not hide here too.
"""
