"""Where the stored label and the model differ, and which of the two is suspected."""
