"""Learning-rate schedules that a controller network drives while a model trains."""
