"""The model server: payloads in, predictions out, over V1 and V2."""
