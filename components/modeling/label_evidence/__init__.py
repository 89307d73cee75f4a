"""Evidence for and against a label: answers out of sample, neighbours, and how probably it is wrong."""
