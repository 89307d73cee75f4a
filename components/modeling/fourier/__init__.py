"""Fourier transforms of images: spectra, filters, restoration, compression."""
