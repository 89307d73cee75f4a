"""The one look of every report: a self-contained HTML page, inline SVG, no network, light and dark, phone to desk."""
