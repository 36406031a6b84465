"""The compiler: text to plan, pure."""
