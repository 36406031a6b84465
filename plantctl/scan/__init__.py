"""The executive: latch, step, publish; pure."""
