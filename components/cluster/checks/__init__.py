"""What is asked of a cluster, a module a subject: facts in, answers out."""
