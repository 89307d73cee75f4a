"""What every process needs: atomic files, locks, fingerprints, progress, command line, container images."""
