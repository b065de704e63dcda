"""Inside the LSTM: its gates while a model writes or listens, the flow of its gradient, what its forget bias does."""
