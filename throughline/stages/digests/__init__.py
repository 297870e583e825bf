"""Code by digest: what `dvc.yaml` depends on in place of files."""
