"""Tables: how columns are read, scaled and encoded; features and the backbone."""
