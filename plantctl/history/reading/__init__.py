"""The record as one: sealed files, late values and the log behind them, asked for points, moments, spans, totals."""
