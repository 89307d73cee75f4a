"""From what was served to data: late labels joined to the serving log, and a window of it as examples."""
