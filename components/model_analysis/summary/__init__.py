"""All that an analysis found on one page: for who decides, and for the model card."""
