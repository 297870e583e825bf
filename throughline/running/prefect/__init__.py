"""Prefect as this project runs it: server, access, schedules, pools, artifacts."""
