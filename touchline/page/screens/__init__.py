"""The screens: of each its queries, and what is made of their rows, apart from any database and any HTML."""
