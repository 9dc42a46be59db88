"""What identifiers mean: each is brought to one form, whoever wrote it, or ignored. Pure."""
