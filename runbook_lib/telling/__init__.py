"""Being told how a run ended: webhook, card in Teams or Slack, mail. Counts and the record's link, nothing personal."""
