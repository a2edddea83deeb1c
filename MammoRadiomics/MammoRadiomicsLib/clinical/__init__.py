"""The clinical half of a study: baseline table, regression, forest plots. It needs a table and no image."""
