"""What a model was asked and what it answered, in time-partitioned Parquet."""
