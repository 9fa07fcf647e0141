"""Making a Cloud Sync configuration, removing one, and bringing a removed one back."""
