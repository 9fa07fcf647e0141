"""From the parameters to one bound connection: which controller, TLS, password or Kerberos."""
