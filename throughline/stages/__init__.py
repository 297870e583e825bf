"""The stages of a pipeline: each reads files, writes files and knows nothing of DVC or Prefect."""
