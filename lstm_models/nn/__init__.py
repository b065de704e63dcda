"""The LSTM and the other parts networks are made of."""
