"""Data ingestion: folders of photos, tables and known data sets become the example table."""
