"""What follows from an inventory at a Prefect server: derived, compared with what is there, and made so."""
