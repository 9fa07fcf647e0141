"""From the parameters to access tokens: app or person, their cache, and what refusals mean."""
