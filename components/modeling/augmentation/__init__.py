"""Augmentation: named and custom policies, applied with albumentations on the CPU or in batches on the device."""
