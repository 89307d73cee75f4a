"""Images with a team's own code, derived from this project's."""
