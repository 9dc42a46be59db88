"""What every view should hold, worked out anew from the lines that went in.

Written from the contract alone, in the plainest way: all of the input in memory, each customer's
touchpoints sorted once, no state between runs. It shares no code with what it checks.
"""
