"""Groups that go over from the direct route to Cloud Sync, and back."""
