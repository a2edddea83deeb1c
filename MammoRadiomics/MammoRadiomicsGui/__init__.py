"""What both panels share and Qt is needed for: above the library, below the module files."""
