"""Families of tasks that come with the package: functions, and networks that learn from examples."""
