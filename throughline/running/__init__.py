"""Running DVC's graph: the recorder, workers, Prefect's server, schedules."""
