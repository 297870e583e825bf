"""That an exported file answers as its network does, and loads where no training library is."""
