"""The route cloud-sync: a Cloud Sync configuration is changed over Graph, and what comes of it is seen in AD."""
