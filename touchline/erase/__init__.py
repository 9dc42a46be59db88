"""Erasing a customer: the order, what is deleted at once, what is left, and when the rest ends."""
