"""Who may do what in AD: security descriptors as they are stored, and what an account may do of what this product does.

``descriptor`` reads and writes ``nTSecurityDescriptor`` ([MS-DTYP] 2.4), ``sddl`` its form as text, ``constants`` names
what stands in it, ``evaluate`` decides as AD does. ``account`` and ``connector`` read the situation of an account;
``needs`` says what the product does in AD, ``table`` whether the account may.
"""
