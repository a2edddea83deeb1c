"""Pages, tables and figures of a training, of a clinical analysis and of one patient."""
