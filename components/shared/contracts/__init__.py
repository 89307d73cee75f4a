"""The files that steps pass to one another: problem file, tables, model bundle, verdict; each with a format version."""
