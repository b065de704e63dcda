"""The LSTM backbone."""
