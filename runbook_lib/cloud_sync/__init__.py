"""What Microsoft Entra Cloud Sync does with groups: mapping expressions, scope, and AD as it will be. Pure."""
