"""The LDAP writes of the direct route as steps: what each looks at, sends and leaves behind."""
