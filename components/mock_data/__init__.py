"""Mock data: from a schema, and statistics where there are any, a raw source with a planted signal for ingestion."""
