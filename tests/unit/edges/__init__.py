"""Every edge at which untrusted text leaves the program, read back by readers that are not ours."""
