"""Who is who: what is known of an identity, and a person's decisions on two of them."""
