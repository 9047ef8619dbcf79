"""Pure folds over samples: histograms, windows, faults, series."""
