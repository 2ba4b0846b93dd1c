"""What a model costs, measured while it trains, and an objective that weighs it against how good the model is."""
