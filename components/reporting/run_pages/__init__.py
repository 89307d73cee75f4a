"""The page and the summary of a run, wherever it ran: what any run says, and what each pipeline adds."""
