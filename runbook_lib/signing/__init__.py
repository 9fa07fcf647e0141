"""Signatures of approvals and manifests, and who is trusted to make them: DSSE envelopes, Ed25519 or X.509 keys."""
