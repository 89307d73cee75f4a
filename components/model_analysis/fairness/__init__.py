"""How unlike a model treats groups of people: rates, differences, and what is refused."""
