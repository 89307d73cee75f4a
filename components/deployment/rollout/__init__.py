"""The rollout: from a published release to one that is live, or taken back."""
