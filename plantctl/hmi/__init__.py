"""The operator's side: what is shown of a plant, and the way of a person's command to it."""
