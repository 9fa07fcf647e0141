"""Both sides joined: cloud groups, their AD objects, their members, states and reasons."""
