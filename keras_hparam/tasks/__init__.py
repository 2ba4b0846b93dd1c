"""Tasks that optimizers and schedules are trained on: functions, and networks that learn from examples."""
